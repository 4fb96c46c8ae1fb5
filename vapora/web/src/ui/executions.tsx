/** Executions as a table, and those like a card. */
import { data, GET, link } from "../api/client";
import type { Execution } from "../api/types";
import { dollars, duration, moment, percent, title } from "../lib/format";
import { useData } from "../lib/use-data";
import { preferences } from "../state/preferences";

export function Executions({ items, name, similar }: { items: readonly Execution[]; name: string; similar?: (id: string) => void }) {
  const zone = preferences.value.zone || undefined;
  return (
    <div class="overflow-x-auto" tabIndex={0} role="region" aria-label={`${name}, table`}>
      <table>
        <thead>
          <tr>
            <th>Card</th>
            <th>Agent</th>
            <th>Kind of work</th>
            <th>Outcome</th>
            <th class="num">Quality</th>
            <th class="num">Took</th>
            <th class="num">Cost</th>
            <th>Ended</th>
            {similar && (
              <th>
                <span class="sr">Similar</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.id}>
              <td dir="auto">
                <a href={link(`/t/${one.task}`)}>{one.title || one.task}</a>
              </td>
              <td>
                <a href={link(`/agents/${one.agent}`)}>{one.agent}</a>
              </td>
              <td>{title(one.task_type)}</td>
              <td>
                {one.outcome}
                {one.simulated && <span class="text-soft"> (simulated)</span>}
              </td>
              <td class="num" title={Object.entries(one.parts).map(([part, value]) => `${part.replaceAll("_", " ")} ${percent(value)}`).join(", ")}>
                {one.quality == null ? "" : percent(one.quality)}
              </td>
              <td class="num">{one.latency_ms == null ? "" : duration(one.latency_ms)}</td>
              <td class="num">{dollars(one.cost_microusd)}</td>
              <td class="whitespace-nowrap">{moment(one.at, zone)}</td>
              {similar && (
                <td>
                  <button type="button" class="btn" aria-label={`Similar to ${one.title || one.task}`} onClick={() => similar(one.id)}>
                    Similar
                  </button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** On a card: what its runs were told of, and what is like it. */
export function PastWork({ task }: { task: string }) {
  const { value, problem } = useData(async () => {
    const own = (await data(GET("/api/v1/knowledge/executions", { params: { query: { task } } }))) as { items: Execution[] };
    const alike = (await data(GET("/api/v1/knowledge/executions", { params: { query: { similar_to: task, limit: 5 } } })).catch(() => null)) as { items: Execution[] } | null;
    return { given: own.items.filter((one) => one.given.length > 0), alike: alike?.items ?? null };
  }, [task]);
  if (!value) return <p class="muted">{problem || "Loading…"}</p>;
  return (
    <>
      {value.given.map((one) => (
        <p key={one.id} class="text-sm break-words">
          {one.id} {one.withheld ? "was by chance not told of" : "was told of"}{" "}
          {one.given.map((past, at) => (
            <span key={past.run_id}>
              {at > 0 && ", "}
              <a href={link(`/t/${past.task_id}`)}>{past.title || past.task_id}</a> ({past.outcome})
            </span>
          ))}
          .
        </p>
      ))}
      {value.alike === null ? (
        <p class="muted">There is no index of texts yet to say what is alike.</p>
      ) : value.alike.length ? (
        <Executions items={value.alike} name="Similar executions" />
      ) : (
        <p class="muted">Nothing like it was done before.</p>
      )}
      <a href={link(`/knowledge?node=${encodeURIComponent(`task:${task}`)}`)}>What hangs together with it</a>
    </>
  );
}
