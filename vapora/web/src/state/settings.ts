/** What is set for the workspace. */
import { signal } from "@preact/signals";
import { data, GET } from "../api/client";
import type { Settings } from "../api/types";
import { onFrame } from "./live";
import { entered } from "./me";

export const settings = signal<Settings>({ name: "", default_review: "human", default_priority: 50, most_runs: null, most_runs_of: {}, knowledge: { details_days: 30, daily_days: 90, in_briefs: "on" }, search_vectors: null, position: 0 });

export function take(next: Settings): void {
  if (next.position > settings.value.position) settings.value = next;
}

onFrame((frame) => {
  for (const { view, row } of frame.rows) if (view === "settings") take(row);
});
// Without an answer the server's own defaults stand here.
void entered.then(() => data(GET("/api/v1/settings"))).then((found) => found && take(found), () => undefined);
