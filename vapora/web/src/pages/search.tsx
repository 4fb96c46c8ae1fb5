/** Everything that a question finds, with a link that can be passed on. */
import { useLocation } from "preact-iso";
import { link } from "../api/client";
import { useConnection } from "../lib/use-data";
import { grouped } from "../lib/found";
import { said, Snippet, useFound } from "../ui/found";
import { Page, Panel } from "../ui/page";

const KINDS = [
  ["", "Everything"],
  ["task", "Tasks"],
  ["run", "Runs"],
  ["document", "Documents"],
  ["comment", "Comments"],
  ["code", "Code"],
] as const;

export function SearchPage() {
  const { query, route } = useLocation();
  useConnection();
  const asked = query.q ?? "";
  const kinds = KINDS.some(([kind]) => kind === query.kinds) ? (query.kinds ?? "") : "";
  const { found, problem, busy } = useFound(asked, kinds, 50);
  const go = (q: string, kind: string) => route(link(`/search?${new URLSearchParams({ q, ...(kind ? { kinds: kind } : {}) })}`), true);
  return (
    <Page heading="Search">
      <div class="flex flex-wrap gap-2 items-end">
        <label class="grow">
          <span class="label">Search for</span>
          <input class="field" type="search" maxLength={400} value={asked} onInput={(event) => go(event.currentTarget.value, kinds)} />
        </label>
        <label>
          <span class="label">Kind</span>
          <select class="field" value={kinds} onChange={(event) => go(asked, event.currentTarget.value)}>
            {KINDS.map(([kind, name]) => (
              <option key={kind} value={kind}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      {problem ? (
        <p role="alert" class="text-bad">
          {problem}
        </p>
      ) : (
        <p class="muted" role="status">
          {asked.trim() ? said(asked, found, busy) : "Words; a phrase in “quotes”, begin*, and -without. Ctrl-K or / searches from any page."}
        </p>
      )}
      {grouped(found?.items ?? []).map((group) => (
        <Panel key={group.kind} heading={group.name}>
          <ul class="m-0 p-0 list-none flex flex-col gap-3">
            {group.items.map((item) => (
              <li key={item.id} class="min-w-0">
                <a href={link(item.link)} class="font-semibold break-words" dir="auto">
                  {item.title}
                </a>
                <Snippet item={item} />
              </li>
            ))}
          </ul>
        </Panel>
      ))}
    </Page>
  );
}
