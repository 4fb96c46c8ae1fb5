/** The prompts of a server: what each takes, and its text with that put in. What a server says is text, and nothing else. */
import { useState } from "preact/hooks";
import { data, GET } from "../../api/client";
import { useForm } from "../../lib/form";
import { type Prompt, promptsOf } from "../../lib/prompts";
import { useData } from "../../lib/use-data";
import { Refused } from "../outside";
import { Loading } from "../page";

export function Prompts({ server }: { server: string }) {
  const path = { server_id: server };
  const { value, problem } = useData(async () => data(GET("/api/v1/mcp/servers/{server_id}/prompts", { params: { path } })), [server]);
  const found = value && promptsOf(value.text);
  if (!value) return <Loading problem={problem} />;
  if (!found) return <Said text={value.text} />;
  return (
    <ul class="m-0 p-0 list-none flex flex-col gap-3" aria-label={`Prompts of ${server}`}>
      {found.map((one) => (
        <li key={one.name} class="border border-line rounded-lg p-2 flex flex-col gap-2">
          <strong class="font-mono text-sm break-all">{one.name}</strong>
          <OnePrompt server={server} prompt={one} />
        </li>
      ))}
    </ul>
  );
}

function OnePrompt({ server, prompt }: { server: string; prompt: Prompt }) {
  const [said, setSaid] = useState("");
  const { busy, problem, submit } = useForm(async (_, form) => {
    setSaid("");
    const values = new FormData(form);
    const given = prompt.arguments.map((one) => [one.name, String(values.get(`argument:${one.name}`) ?? "")] as const);
    // What is left empty and need not be there is not said.
    const argument = given.filter(([name, text]) => text || prompt.arguments.some((one) => one.name === name && one.required)).map(([name, text]) => `${name}=${text}`);
    const params = { path: { server_id: server, name: prompt.name }, query: { argument } };
    setSaid((await data(GET("/api/v1/mcp/servers/{server_id}/prompts/{name}", { params }))).text);
  });
  return (
    <form class="flex flex-col gap-2" onSubmit={submit} aria-label={`Read ${prompt.name}`}>
      {prompt.description && <p class="text-sm break-words whitespace-pre-wrap">{prompt.description}</p>}
      {prompt.arguments.map((one) => (
        <label key={one.name}>
          <span class="label">{one.required ? one.name : `${one.name} (may be empty)`}</span>
          <textarea class="field !h-auto" rows={1} name={`argument:${one.name}`} required={one.required} />
          {one.description && <span class="muted block break-words">{one.description}</span>}
        </label>
      ))}
      <Refused text={problem} />
      <button class="btn self-start" disabled={busy}>
        {busy ? "It is read…" : "Read it"}
      </button>
      {said && <Said text={said} />}
    </form>
  );
}

function Said({ text }: { text: string }) {
  return (
    <pre class="text-sm whitespace-pre-wrap break-words max-h-100 overflow-auto border border-line rounded-lg p-2" tabIndex={0} dir="auto" role="region" aria-label="Text of the prompt">
      {text}
    </pre>
  );
}
