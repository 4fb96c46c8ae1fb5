/** Runs of workflows, the newest first. */
import { data, GET, link } from "../../api/client";
import type { WorkflowRun } from "../../api/types";
import { moment, title } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { preferences } from "../../state/preferences";
import { Listing } from "../../ui/listing";
import { STATES } from "../../ui/stage";
import { WorkflowsFrame } from "../../ui/workflows-page";

const newest = async () => ((await data(GET("/api/v1/workflow-runs", {}))) as { items: WorkflowRun[] }).items;

export function WorkflowRunsPage() {
  const { value, problem } = useData(newest, [], (frame) => frame.rows.some(({ view }) => view === "workflow-run"));
  return (
    <WorkflowsFrame heading="Runs of workflows" path="/workflows/runs">
      <Listing
        name="Runs"
        columns={["Workflow", "State", "Stages", "Begun"]}
        items={value}
        problem={problem}
        empty="No workflow was started yet."
        row={(one) => (
          <tr key={one.id}>
            <td>
              <a href={link(`/workflows/runs/${one.id}`)}>{one.name}</a>
              <div class="text-soft">{one.started_by}</div>
            </td>
            <td class={STATES[one.state] ?? ""}>{title(one.state)}</td>
            <td>
              {Object.values(one.stages).filter((state) => ["completed", "skipped"].includes(state)).length} of {Object.keys(one.stages).length}
            </td>
            <td>{moment(one.started_at, preferences.value.zone || undefined)}</td>
            <td />
          </tr>
        )}
      />
    </WorkflowsFrame>
  );
}
