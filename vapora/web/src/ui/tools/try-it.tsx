/** One tool of a server: what it takes, and calling it. What it answers is text, and nothing else. */
import { useState } from "preact/hooks";
import { data, POST, requestKey } from "../../api/client";
import { ApiError } from "../../api/error";
import type { ServedTool, ToolCalled } from "../../api/types";
import { useForm } from "../../lib/form";
import { dollars, duration } from "../../lib/format";
import { argumentsOf, fieldsOf, objectOf, type ToolField } from "../../lib/tool-form";
import { may } from "../../state/me";
import { Refused } from "../outside";

export function TryIt({ tool }: { tool: ServedTool }) {
  const [found, setFound] = useState<ToolCalled | null>(null);
  const fields = fieldsOf(tool.parameters);
  const { busy, problem, submit } = useForm(async (_, form) => {
    setFound(null);
    // As they are written: spaces are part of a text.
    const values = new FormData(form);
    const filled = (name: string) => String(values.get(`argument:${name}`) ?? "");
    const body = { arguments: read(() => (fields ? argumentsOf(fields, filled) : objectOf(filled(""), "What is written there"))) };
    const params = { path: { name: tool.name }, header: requestKey() };
    setFound((await data(POST("/api/v1/mcp/tools/{name}/call", { params, body: body as never }))) as ToolCalled);
  });
  return (
    <>
      <p class="whitespace-pre-wrap break-words">{tool.description || "Its server says nothing of it."}</p>
      <Flags tool={tool} />
      <details>
        <summary class="cursor-pointer text-sm">Schema of its arguments</summary>
        <pre class="text-sm whitespace-pre-wrap break-words max-h-80 overflow-auto" tabIndex={0}>
          {JSON.stringify(tool.parameters, null, 2)}
        </pre>
      </details>
      {may("call_tool") && (
        <form class="flex flex-col gap-3" onSubmit={submit} aria-label={`Try ${tool.name}`}>
          {fields ? fields.map((one) => <Argument key={one.name} field={one} />) : <Raw name="argument:" label="Arguments, as a JSON object" initial="{}" />}
          <p class="muted">It is called now and once. What it does outside cannot be taken back.</p>
          <Refused text={problem} />
          <button class="btn-main self-start" disabled={busy}>
            {busy ? "It is called…" : "Call it"}
          </button>
        </form>
      )}
      {found && (
        <section aria-label="Result" class="flex flex-col gap-2">
          <p role="status" class={found.ok ? "text-good text-sm" : "text-bad text-sm"}>
            {found.ok ? "Done" : "It failed"}, {duration(found.duration_ms)}
            {found.cost_microusd > 0 && `, ${dollars(found.cost_microusd)}`}
            {found.truncated && ", not all of it is shown"}
          </p>
          <pre class="text-sm whitespace-pre-wrap break-words max-h-100 overflow-auto border border-line rounded-lg p-2" tabIndex={0} dir="auto" role="region" aria-label="Answer">
            {found.text}
          </pre>
        </section>
      )}
    </>
  );
}

/** What cannot be sent is told in the form, as what the server refuses is. */
function read(build: () => Record<string, unknown>): Record<string, unknown> {
  try {
    return build();
  } catch (error) {
    throw new ApiError(0, "bad-input", error instanceof Error ? error.message : String(error));
  }
}

export function Flags({ tool }: { tool: ServedTool }) {
  const told = [
    !tool.enabled && "nobody gets it",
    tool.outward && "sends something out",
    tool.reads_outside && "reads text from outside",
    tool.effect === "pure" && "may be repeated",
    tool.cost_microusd > 0 && `${dollars(tool.cost_microusd)} a call`,
  ].filter(Boolean);
  return (
    <p class="flex flex-wrap gap-1">
      {told.map((one) => (
        <span key={String(one)} class="tag">
          {one}
        </span>
      ))}
    </p>
  );
}

function Argument({ field }: { field: ToolField }) {
  const name = `argument:${field.name}`;
  const label = field.required ? field.name : `${field.name} (may be empty)`;
  const hint = field.description && <span class="muted block break-words">{field.description}</span>;
  if (field.kind === "json") return <Raw name={name} label={`${label}, as JSON`} initial={field.initial} hint={field.description} />;
  if (field.kind === "boolean" || field.kind === "choice") {
    const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
    return (
      <label>
        <span class="label">{label}</span>
        <select class="field" name={name} required={field.required} defaultValue={field.initial}>
          <option value="" />
          {choices.map((one) => (
            <option key={one} value={one} selected={one === field.initial}>
              {one}
            </option>
          ))}
        </select>
        {hint}
      </label>
    );
  }
  if (field.kind === "string") {
    return (
      <label>
        <span class="label">{label}</span>
        <textarea class="field !h-auto" rows={1} name={name} defaultValue={field.initial} />
        {hint}
      </label>
    );
  }
  return (
    <label>
      <span class="label">{label}</span>
      <input class="field" type="number" step={field.kind === "integer" ? "1" : "any"} name={name} required={field.required} defaultValue={field.initial} />
      {hint}
    </label>
  );
}

function Raw({ name, label, initial, hint = "" }: { name: string; label: string; initial: string; hint?: string }) {
  return (
    <label>
      <span class="label">{label}</span>
      <textarea class="area font-mono" name={name} defaultValue={initial} />
      {hint && <span class="muted block break-words">{hint}</span>}
    </label>
  );
}
