/** Packages of agents, tools and workflows: what is on offer, what each may do, and what is installed; and the roles. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, POST, requestKey } from "../api/client";
import type { PackageSummary, PackageView, Role } from "../api/types";
import { title } from "../lib/format";
import { useData } from "../lib/use-data";
import { may } from "../state/me";
import { refused, tell } from "../state/toasts";
import { Configure } from "../ui/configure";
import { Confirm } from "../ui/confirm";
import { Dialog } from "../ui/dialog";
import { Loading, Page, Panel } from "../ui/page";

const KINDS = ["agent", "tool", "workflow"] as const;
type Kind = (typeof KINDS)[number];
const offered = async () => ((await data(GET("/api/v1/marketplace"))) as { items: PackageSummary[] }).items;
const roles = async () => (await data(GET("/api/v1/roles"))).items;

export function MarketplacePage() {
  const { value, problem, reload } = useData(offered, [], (frame) => frame.rows.some((one) => one.view === "package"));
  const [kind, setKind] = useState<Kind | "">("");
  const [open, setOpen] = useState<string | null>(null);
  const shown = value?.filter((one) => !kind || one.kind === kind);
  async function refresh(): Promise<void> {
    try {
      const found = (await data(POST("/api/v1/marketplace", { params: { header: requestKey() } }))) as { problems: Record<string, string> };
      const wrong = Object.entries(found.problems);
      tell(wrong.length ? wrong.map(([source, why]) => `${source}: ${why}`).join(" ") : "What is on offer was fetched.", wrong.length ? "bad" : "good");
      reload();
    } catch (error) {
      refused(error, "Nothing was fetched");
    }
  }
  return (
    <Page
      heading="Marketplace"
      aside={
        may("refresh_marketplace") && (
          <button class="btn" onClick={() => void refresh()}>
            Fetch what is on offer
          </button>
        )
      }
    >
      <div class="flex flex-wrap gap-2" role="group" aria-label="Kind">
        {(["", ...KINDS] as const).map((one) => (
          <button key={one} class={kind === one ? "btn-main" : "btn"} aria-pressed={kind === one} onClick={() => setKind(one)}>
            {one ? `${title(one)}s` : "All"}
          </button>
        ))}
      </div>
      {!shown ? (
        <Loading problem={problem} />
      ) : (
        <ul class="m-0 p-0 list-none grid md:grid-cols-2 gap-3" aria-label="Packages">
          {shown.map((one) => (
            <li key={one.id} class="glass frosted p-4 flex flex-col gap-2 min-w-0">
              <div class="flex flex-wrap items-center gap-2">
                <h2 class="grow min-w-0 break-words">{one.name}</h2>
                <span class="text-sm muted">
                  {one.kind ?? "?"} {one.version}
                </span>
              </div>
              <p class="text-sm">{one.description}</p>
              {one.problem && (
                <p class="text-bad text-sm break-words" role="alert">
                  {one.problem}
                </p>
              )}
              <div class="flex flex-wrap items-center gap-2">
                <button class="btn" onClick={() => setOpen(one.id)} aria-label={`Look at ${one.name}`}>
                  Look at it
                </button>
                {one.installed && (
                  <span class="text-sm">
                    Installed{one.upgradable ? `: ${one.installed_version}, an upgrade is on offer` : ` as ${one.makes}`}
                  </span>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
      {open && <Look id={open} close={() => setOpen(null)} changed={reload} />}
      <Roles />
    </Page>
  );
}

function Look({ id, close, changed }: { id: string; close: () => void; changed: () => void }) {
  const path = { package: id };
  const { value, problem, reload } = useData(async () => (await data(GET("/api/v1/marketplace/{package}", { params: { path } }))) as PackageView, [id]);
  const [asking, setAsking] = useState<"install" | "upgrade" | "remove" | null>(null);
  async function take(what: "install" | "upgrade", digest: string): Promise<void> {
    const given = { params: { path, header: requestKey() }, body: { digest } };
    try {
      if (what === "install") await POST("/api/v1/marketplace/{package}/install", given);
      else await POST("/api/v1/marketplace/{package}/upgrade", given);
      tell(what === "install" ? "It is installed." : "It is upgraded.");
      reload();
      changed();
    } catch (error) {
      refused(error, "Nothing was changed");
    }
  }
  async function remove(): Promise<void> {
    try {
      await DELETE("/api/v1/marketplace/{package}", { params: { path } });
      tell("It is removed.");
      reload();
      changed();
    } catch (error) {
      refused(error, "Not removed");
    }
  }
  return (
    <Dialog heading={value?.name ?? id} close={close}>
      {!value ? (
        <Loading problem={problem} />
      ) : (
        <>
          <p>{value.description}</p>
          <p class="text-sm muted break-all">
            {value.kind} {value.version}, from {value.source}, digest {value.digest.slice(0, 12)}
          </p>
          {value.problem && (
            <p class="text-bad" role="alert">
              {value.problem}
            </p>
          )}
          <May of={value} />
          {Object.entries(value.texts ?? {}).map(([name, text]) => (
            <details key={name}>
              <summary>{name}</summary>
              <pre class="whitespace-pre-wrap break-words text-sm max-h-80 overflow-auto" tabIndex={0}>
                {text}
              </pre>
            </details>
          ))}
          {value.installed && value.settings.length > 0 && may("configure_package") && <Configure of={value} changed={() => (reload(), changed())} />}
          <div class="flex flex-wrap gap-2">
            {!value.installed && !value.problem && may("install_package") && (
              <button class="btn-main" onClick={() => setAsking("install")}>
                Install
              </button>
            )}
            {value.upgradable && may("upgrade_package") && (
              <button class="btn-main" onClick={() => setAsking("upgrade")}>
                Upgrade to {value.version}
              </button>
            )}
            {value.installed && may("remove_package") && (
              <button class="btn" onClick={() => setAsking("remove")}>
                Remove
              </button>
            )}
          </div>
          {(asking === "install" || asking === "upgrade") && (
            <Confirm
              heading={asking === "install" ? "Install it?" : "Upgrade it?"}
              text={`You accept what ${value.name} ${value.version} may do, as it is listed. What is under way ends as it began.`}
              button="Accept"
              run={() => void take(asking, value.digest)}
              close={() => setAsking(null)}
            />
          )}
          {asking === "remove" && (
            <Confirm
              heading="Remove it?"
              text={`${value.makes ?? value.id} gets nothing new, and ends what it has. Its history stays.`}
              button="Remove"
              run={() => void remove()}
              close={() => setAsking(null)}
            />
          )}
        </>
      )}
    </Dialog>
  );
}

function May({ of }: { of: PackageView }) {
  const told: [string, string[]][] = [
    ["Tools", of.may.tools],
    ["Network", of.may.network],
    ["Writes", of.may.writes],
    ["Commands", of.may.commands],
    ["Secrets", of.may.secrets],
  ];
  return (
    <section aria-label="What it may do">
      <h3>What it may do</h3>
      <dl class="m-0 grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-sm">
        {told.map(([name, all]) => (
          <>
            <dt class="muted">{name}</dt>
            <dd class="m-0 break-words">{all.length ? all.join(", ") : "none"}</dd>
          </>
        ))}
      </dl>
      {of.may.requires && <p class="text-sm">It needs: {of.may.requires}</p>}
    </section>
  );
}

function Roles() {
  const { value, problem } = useData(roles, []);
  return (
    <Panel heading="Roles">
      <p class="muted">The roles that come with VAPORA. Each has an agent, which takes cards of the kinds of work that are named.</p>
      {!value ? (
        <Loading problem={problem} />
      ) : (
        <ul class="m-0 p-0 list-none grid md:grid-cols-2 gap-3">
          {value.map((role) => (
            <li key={role.id} class="border border-line rounded-lg bg-raised p-3">
              <RoleView role={role} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
function RoleView({ role }: { role: Role }) {
  return (
    <article class="flex flex-col gap-1.5" aria-label={role.title}>
      <h3>{role.title}</h3>
      <p class="text-sm">{role.description}</p>
      <p class="flex flex-wrap gap-1">
        {role.task_types.map((one) => (
          <span key={one} class="tag">
            {title(one)}
          </span>
        ))}
      </p>
      <details>
        <summary class="cursor-pointer text-sm">System prompt</summary>
        <pre tabIndex={0} class="mt-2 max-h-80 overflow-auto">{role.prompt}</pre>
      </details>
    </article>
  );
}
