/** Servers of tools: how they are, who gets their tools, what the tools are, and trying one. */
import { useState } from "preact/hooks";
import { data, DELETE, GET } from "../api/client";
import type { ServedTool, ToolServer } from "../api/types";
import { allPages } from "../lib/pages";
import { useData } from "../lib/use-data";
import { may } from "../state/me";
import { refused, tell } from "../state/toasts";
import { Confirm } from "../ui/confirm";
import { Dialog } from "../ui/dialog";
import { Loading, Page, Panel } from "../ui/page";
import { Prompts } from "../ui/tools/prompts";
import { ServerForm } from "../ui/tools/server-form";
import { Flags, TryIt } from "../ui/tools/try-it";

const all = () => allPages<ToolServer>((cursor) => data(GET("/api/v1/mcp/servers", { params: { query: cursor ? { cursor } : {} } })));

export function ToolsPage() {
  const { value, problem, reload } = useData(all, []);
  const [editing, setEditing] = useState<ToolServer | "new" | null>(null);
  const done = () => (setEditing(null), reload());
  return (
    <Page
      heading="Tools"
      aside={
        <>
          <button class="btn" onClick={reload}>
            Look again
          </button>
          {may("set_tool_server") && (
            <button class="btn-main" onClick={() => setEditing("new")}>
              New server
            </button>
          )}
        </>
      }
    >
      {!value ? (
        <Loading problem={problem} />
      ) : value.length === 0 ? (
        <p class="glass frosted p-4 text-sm">There is no server of tools yet. One that speaks the Model Context Protocol gives agents what they do not have by themselves.</p>
      ) : (
        value.map((one) => <Server key={one.id} server={one} edit={() => setEditing(one)} changed={reload} />)
      )}
      {editing && (
        <Dialog heading={editing === "new" ? "New server" : `Change ${editing.id}`} close={() => setEditing(null)}>
          <ServerForm server={editing === "new" ? null : editing} done={done} />
        </Dialog>
      )}
    </Page>
  );
}

const COLOURS: Record<ToolServer["state"], string> = { ready: "text-good", starting: "text-warn", waiting: "text-bad", off: "text-soft" };
const SAID: Record<ToolServer["state"], string> = { ready: "ready", starting: "it begins", waiting: "it is tried again", off: "off" };

function reached({ transport }: ToolServer): string {
  if (transport.kind === "stdio") return transport.command.join(" ");
  return transport.kind === "http" ? transport.url : "a part of VAPORA";
}

function Server({ server, edit, changed }: { server: ToolServer; edit: () => void; changed: () => void }) {
  const [open, setOpen] = useState<"remove" | "prompts" | ServedTool | null>(null);
  const tools = server.tools ?? [];
  const missing = server.missing ?? [];
  const out = Object.entries(server.left_out ?? {});
  const owner = server.owner || (server.transport.kind === "built-in" ? "VAPORA" : "people");
  async function remove(): Promise<void> {
    try {
      await DELETE("/api/v1/mcp/servers/{server_id}", { params: { path: { server_id: server.id } } });
      tell(`${server.id} is removed.`);
      changed();
    } catch (error) {
      refused(error, "Not removed");
    }
  }
  return (
    <Panel heading={server.title || server.id}>
      <div class="flex flex-wrap gap-x-4 gap-y-1 text-sm items-baseline">
        <strong class={COLOURS[server.state]}>{SAID[server.state]}</strong>
        <span class="font-mono">{server.id}</span>
        <span class="text-soft">of {owner}</span>
        <span class="text-soft">{server.roles?.length ? `for ${server.roles.includes("*") ? "every role" : server.roles.join(", ")}` : "for roles that name its tools"}</span>
        {(server.restarts ?? 0) > 0 && <span class="text-soft">begun again {server.restarts} times</span>}
      </div>
      <p class="text-soft text-sm font-mono break-all">{reached(server)}</p>
      {server.description && <p class="text-sm break-words">{server.description}</p>}
      {server.problem && (
        <p class="text-bad text-sm break-words" role="alert">
          {server.problem}
        </p>
      )}
      {missing.length > 0 && <p class="text-bad text-sm break-words">Missing: {missing.join(", ")}</p>}
      {out.map(([name, why]) => (
        <p key={name} class="text-warn text-sm break-words">
          {name} cannot be used: {why}
        </p>
      ))}
      <ul class="m-0 p-0 list-none flex flex-col gap-2" aria-label={`Tools of ${server.id}`}>
        {tools.map((tool) => (
          <li key={tool.name} class="border border-line rounded-lg p-2 flex flex-wrap gap-x-3 gap-y-1 items-center">
            <span class="font-mono text-sm break-all">{tool.name}</span>
            <span class="text-sm text-soft grow min-w-0 basis-60 break-words line-clamp-2">{tool.description}</span>
            <Flags tool={tool} />
            <button class="btn-quiet !h-8" onClick={() => setOpen({ ...tool, name: `${server.id}.${tool.name}` })} aria-label={`Look at ${server.id}.${tool.name}`}>
              Look and try
            </button>
          </li>
        ))}
      </ul>
      <div class="flex flex-wrap gap-2">
        {may("list_prompts") && tools.some((one) => one.name === "get_prompt") && (
          <button class="btn" onClick={() => setOpen("prompts")} aria-label={`Prompts of ${server.id}`}>
            Prompts
          </button>
        )}
        {may("set_tool_server") && (
          <button class="btn" onClick={edit} aria-label={`Change ${server.id}`}>
            Change
          </button>
        )}
        {may("remove_tool_server") && !server.owner && server.transport.kind !== "built-in" && (
          <button class="btn" onClick={() => setOpen("remove")} aria-label={`Remove ${server.id}`}>
            Remove
          </button>
        )}
      </div>
      {open === "remove" && <Confirm heading={`Remove ${server.id}?`} text="Its process or connection ends, and agents have its tools no more." button="Remove" run={() => void remove()} close={() => setOpen(null)} />}
      {open === "prompts" && (
        <Dialog heading={`Prompts of ${server.id}`} close={() => setOpen(null)}>
          <Prompts server={server.id} />
        </Dialog>
      )}
      {open && typeof open !== "string" && (
        <Dialog heading={open.name} close={() => setOpen(null)}>
          <TryIt tool={open} />
        </Dialog>
      )}
    </Panel>
  );
}
