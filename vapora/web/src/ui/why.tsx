/** Why this agent, why this model, what the budget said: as bars that can be read, and as words. */
import { link } from "../api/client";
import type { Decision } from "../api/types";

export function WhyView({ decisions }: { decisions: readonly Decision[] }) {
  if (!decisions.length) return <p class="muted">Nothing has been decided yet.</p>;
  return (
    <ol class="m-0 p-0 list-none flex flex-col gap-3">
      {decisions.map((one) => (
        <li key={`${one.position}/${one.kind}`} class="flex flex-col gap-1">
          <p class="text-sm">
            <span class="tag mr-1">{one.kind}</span>
            <strong>{one.chosen}</strong>: {one.reason}
            {one.budget && <span class="text-soft"> ({one.budget})</span>}
            <a class="ml-2 text-xs" href={link(`/log?at=${one.position}`)}>
              #{one.position}
            </a>
          </p>
          {(one.candidates?.length ?? 0) > 0 && <Candidates decision={one} />}
        </li>
      ))}
    </ol>
  );
}

function Candidates({ decision }: { decision: Decision }) {
  const all = (decision.candidates ?? []) as Record<string, unknown>[];
  const scores = all.map((one) => (typeof one.score === "number" ? one.score : 0));
  const top = Math.max(...scores, 0.0001);
  const order = all.map((one, index) => ({ one, score: scores[index] ?? 0 })).sort((a, b) => b.score - a.score);
  return (
    <details>
      <summary class="text-sm text-soft cursor-pointer">{all.length === 1 ? "1 candidate" : `${all.length} candidates`}</summary>
      <table class="mt-1">
        <thead>
          <tr>
            <th>Candidate</th>
            <th class="num">Score</th>
            <th>Made of</th>
          </tr>
        </thead>
        <tbody>
          {order.map(({ one, score }) => (
            <tr key={String(one.id)}>
              <td>
                {String(one.id)}
                <div aria-hidden="true" class="h-1.5 rounded bg-accent mt-1" style={{ width: `${Math.max(2, (100 * score) / top)}%`, opacity: one.excluded ? 0.3 : 1 }} />
              </td>
              <td class="num">{one.excluded ? "–" : score.toFixed(3)}</td>
              <td class="text-soft">{one.excluded ? String(one.excluded) : parts(one.parts)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function parts(given: unknown): string {
  if (typeof given !== "object" || given === null) return "";
  return Object.entries(given)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "number" ? Number(value.toFixed(3)) : String(value)}`)
    .join(", ");
}
