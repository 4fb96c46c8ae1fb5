/** What every page has: the way to the other pages, what the server is, and whether it is reached. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { useLocation } from "preact-iso";
import { data, GET, link } from "../api/client";
import type { Health } from "../api/types";
import { connection } from "../state/live";
import { noWorkspace, ready } from "../state/me";
import { prefer, preferences, THEMES } from "../state/preferences";
import { settings } from "../state/settings";
import { Search } from "./search";
import { NoWorkspace, Person, WorkspaceSwitch } from "./workspaces";

const PAGES = [
  ["/", "Board"],
  ["/dashboard", "Dashboard"],
  ["/workflows", "Workflows"],
  ["/knowledge", "Knowledge"],
  ["/documents", "Documents"],
  ["/agents", "Agents"],
  ["/budgets", "Budgets"],
  ["/costs", "Costs"],
  ["/log", "Log"],
  ["/marketplace", "Marketplace"],
  ["/tools", "Tools"],
  ["/settings", "Settings"],
] as const;

const health = signal<Health | null>(null);

async function ask(): Promise<void> {
  // Without an answer, what was known stays; the socket says that the server is away.
  health.value = await data(GET("/health")).catch(() => health.value);
}

export function Shell({ children }: { children: ComponentChildren }) {
  const { path } = useLocation();
  useEffect(() => {
    void ask();
    return connection.subscribe((now) => {
      if (now === "live") void ask();
    });
  }, []);
  const current = (to: string) => (to === "/" ? path === "/" || path.startsWith("/p/") || path.startsWith("/t/") : path.startsWith(to) || (to === "/workflows" && path.startsWith("/plans")));
  return (
    <div class="h-full flex flex-col">
      <a class="sr focus:not-sr" href="#main">
        Skip to the content
      </a>
      <header class="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 sm:px-4 py-2 border-b border-line bg-surface frosted">
        <a href={link("/")} class="font-bold tracking-wide text-ink no-underline max-w-60 truncate" dir="auto">
          VAPORA
          {settings.value.name && <span class="ml-2 font-normal text-soft tracking-normal">{settings.value.name}</span>}
        </a>
        {/* A line of its own: beside what the server says later, it would be moved by that. */}
        <nav aria-label="Pages" class="flex gap-1 overflow-x-auto order-last w-full">
          {PAGES.map(([to, name]) => (
            <a
              key={to}
              href={link(to)}
              aria-current={current(to) ? "page" : undefined}
              class={`px-2.5 py-1 rounded-lg text-sm no-underline whitespace-nowrap ${current(to) ? "bg-raised text-ink font-semibold" : "text-soft"}`}
            >
              {name}
            </a>
          ))}
        </nav>
        <span class="grow" />
        {health.value?.model === "rehearsal" && (
          <span class="tag" title="No real model is asked. All money is simulated.">
            rehearsal<span class="hidden lg:inline">&nbsp;model, simulated money</span>
          </span>
        )}
        <Search />
        <Status />
        <WorkspaceSwitch />
        <Person />
        <ThemeButton />
      </header>
      {health.value?.status === "failing" && (
        <p role="alert" class="px-4 py-2 text-sm text-bad bg-raised border-b border-line">
          Something is not well: {health.value.problems?.join("; ") || health.value.reason}
        </p>
      )}
      <main id="main" tabIndex={-1} class="grow min-h-0 overflow-auto outline-none">
        {noWorkspace.value ? <NoWorkspace /> : ready.value && children}
      </main>
    </div>
  );
}

const SAID = {
  live: "Live",
  connecting: "Connecting…",
  "cut-off": "Server not reached, trying again…",
} as const;

function Status() {
  const now = connection.value;
  const colour = now === "live" ? "bg-good" : now === "connecting" ? "bg-warn" : "bg-bad";
  return (
    <span role="status" class="inline-flex items-center gap-1.5 text-sm text-soft" data-connection={now}>
      <span aria-hidden="true" class={`w-2 h-2 rounded-full ${colour} ${now === "live" ? "" : "pulse"}`} />
      {SAID[now]}
    </span>
  );
}

function ThemeButton() {
  const { theme } = preferences.value;
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  return (
    <button class="btn-quiet" onClick={() => void prefer({ theme: next })} aria-label={`Theme: ${theme}. Change to ${next}.`}>
      <span aria-hidden="true">{theme === "dark" ? "☾" : theme === "light" ? "☀" : "◐"}</span>
    </button>
  );
}
