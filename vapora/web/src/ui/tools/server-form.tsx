/** A server of tools as it shall be: how it is reached, who gets its tools, and its limits. */
import { useState } from "preact/hooks";
import { data, PUT } from "../../api/client";
import { ApiError } from "../../api/error";
import type { ToolServer } from "../../api/types";
import { useForm, type Filled } from "../../lib/form";
import { linesOf, pairsOf, shownPairs, wordsOf } from "../../lib/lines";
import { jsonOf } from "../../lib/tool-form";
import { needsOperator } from "../../state/me";
import { Choice, Field, optionsOf, type FieldProps } from "../field";
import { Refused } from "../outside";

const KINDS = { stdio: "A command, run in the sandbox", http: "An address (streamable HTTP)", "built-in": "A part of VAPORA" } as const;
type Kind = keyof typeof KINDS;

function transportOf(kind: Kind, filled: Filled, network: boolean): unknown {
  if (kind === "built-in") return { kind };
  const secrets = pairsOf(filled("secrets"), "Secrets");
  if (kind === "http") {
    const bearer = filled("bearer");
    return { kind, url: filled("url"), headers: pairsOf(filled("headers"), "Headers"), secrets, ...(bearer ? { bearer } : {}) };
  }
  const seen = { read: linesOf(filled("read")), write: linesOf(filled("write")) };
  return { kind, command: linesOf(filled("command")), variables: pairsOf(filled("variables"), "Variables"), secrets, network, ...seen };
}

/** What a form says, as the API takes it; what cannot be read is told in the form. */
function bodyOf(kind: Kind, filled: Filled, before: ToolServer | null): unknown {
  try {
    const whole = before?.owner
      ? { transport: before.transport, title: before.title, description: before.description, expected_tools: before.expected_tools, timeout_s: before.timeout_s, result_bytes: before.result_bytes }
      : {
          transport: transportOf(kind, filled, filled("network") === "on"),
          title: filled("title"),
          description: filled("description"),
          expected_tools: wordsOf(filled("expected")),
          timeout_s: Number(filled("timeout")),
          result_bytes: Number(filled("bytes")),
        };
    const rules = filled("rules");
    return { ...whole, protocol: before?.protocol ?? "auto", enabled: filled("enabled") === "on", roles: wordsOf(filled("roles")), tools: rules ? jsonOf(rules, "Single tools") : [] };
  } catch (error) {
    throw new ApiError(0, "bad-input", error instanceof Error ? error.message : String(error));
  }
}

export function ServerForm({ server, done }: { server: ToolServer | null; done: () => void }) {
  const was = server?.transport;
  const [kind, setKind] = useState<Kind>(was?.kind ?? "stdio");
  const { busy, problem, submit } = useForm(async (filled) => {
    const params = { path: { server_id: server?.id ?? filled("id") } };
    await data(PUT("/api/v1/mcp/servers/{server_id}", { params, body: bodyOf(kind, filled, server) as never }));
    done();
  });
  const stdio = was?.kind === "stdio" ? was : null;
  const http = was?.kind === "http" ? was : null;
  const rules = server?.rules?.length ? JSON.stringify(server.rules, null, 2) : "";
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      {needsOperator() && <p class="text-warn text-sm">A server can have commands run: this needs the page to be opened by the address that `vapora up` prints.</p>}
      {server?.owner ? (
        <p class="muted">{server.owner} brought this server: who gets its tools and what holds for them is yours to say, the rest is the package's.</p>
      ) : (
        <>
          {!server && <Line name="id" label="Id" placeholder="time" pattern="[a-z][a-z0-9]*(-[a-z0-9]+)*" />}
          <Choice label="How it is reached" value={kind} set={setKind} options={optionsOf(KINDS)} />
          {kind === "stdio" && (
            <>
              <Lines name="command" label="Command: the program and its arguments, one a line" value={stdio?.command.join("\n")} required />
              <Lines name="variables" label="Variables, NAME=VALUE a line; no secrets" value={shownPairs(stdio?.variables)} />
              <Lines name="secrets" label="Secrets, VARIABLE=NAME OF THE SECRET a line" value={shownPairs(stdio?.secrets)} />
              <Lines name="read" label="Folders that it sees, one a line" value={stdio?.read?.join("\n")} />
              <Lines name="write" label="Folders that it may write to, one a line" value={stdio?.write?.join("\n")} />
              <Switch name="network" label="It may use the network" on={stdio?.network ?? false} />
            </>
          )}
          {kind === "http" && (
            <>
              <Line name="url" label="Address" value={http?.url} placeholder="https://example.com/mcp" />
              <Lines name="headers" label="Headers, NAME=VALUE a line; no secrets" value={shownPairs(http?.headers)} />
              <Lines name="secrets" label="Secrets, HEADER=NAME OF THE SECRET a line" value={shownPairs(http?.secrets)} />
              <Line name="bearer" label="Name of the secret that is sent as a bearer token" value={http?.bearer ?? ""} optional />
            </>
          )}
          <Line name="title" label="Name for people" value={server?.title} optional />
          <Line name="description" label="What it is for" value={server?.description} optional />
          <Line name="expected" label="Tools that must be there" value={server?.expected_tools?.join(" ")} optional />
          <div class="grid sm:grid-cols-2 gap-3">
            <Line name="timeout" label="Longest call, in seconds" value={String(server?.timeout_s ?? 60)} pattern="[0-9]+" />
            <Line name="bytes" label="What is kept of a result, in bytes" value={String(server?.result_bytes ?? 50_000)} pattern="[0-9]+" />
          </div>
        </>
      )}
      <Line name="roles" label="Roles whose agents get all of its tools, or * for every role" value={server?.roles?.join(" ")} optional />
      <Switch name="enabled" label="It is on" on={server?.enabled ?? true} />
      <details open={Boolean(rules)}>
        <summary class="cursor-pointer text-sm">What holds for single tools</summary>
        <Lines name="rules" label="A JSON list" value={rules} placeholder={'[{"name": "send", "outward": true, "cost_microusd": 250}]'} />
      </details>
      <p class="muted">Values of secrets are kept under Settings, Secrets; here only their names stand.</p>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        {busy ? "It is begun…" : "Save"}
      </button>
    </form>
  );
}

/** A field for what may be longer than names are. */
const Line = (props: FieldProps) => <Field most={4_000} {...props} />;

function Lines({ name, label, value = "", placeholder = "", required = false }: Pick<FieldProps, "name" | "label" | "value" | "placeholder"> & { required?: boolean }) {
  return (
    <label>
      <span class="label">{label}</span>
      <textarea class="field !h-auto font-mono" rows={2} name={name} required={required} defaultValue={value} placeholder={placeholder} spellcheck={false} />
    </label>
  );
}

function Switch({ name, label, on }: { name: string; label: string; on: boolean }) {
  return (
    <label class="flex gap-2 items-center text-sm">
      <input type="checkbox" name={name} defaultChecked={on} />
      {label}
    </label>
  );
}
