/** Problems, why there were any, and what solved them; with a form to record one. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, link, POST, requestKey } from "../../api/client";
import type { Relation } from "../../api/types";
import { useForm } from "../../lib/form";
import { moment, title } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { preferences } from "../../state/preferences";
import { refused } from "../../state/toasts";
import { KnowledgeFrame } from "../../ui/knowledge-page";
import { Listing } from "../../ui/listing";
import { Refused } from "../../ui/outside";
import { Panel } from "../../ui/page";

export function CausesPage() {
  const [after, setAfter] = useState(0);
  const load = async () => ((await data(GET("/api/v1/knowledge/relations", { params: { query: { limit: 100, ...(after ? { after } : {}) } } }))) as { items: Relation[] }).items;
  const { value, problem } = useData(load, [after], (frame) => frame.rows.some(({ view }) => view === "run"));
  const form = useForm(async (filled, element) => {
    const body = { problem: filled("problem"), cause: filled("cause"), solution: filled("solution"), task_id: filled("task") || null };
    const made = (await data(POST("/api/v1/knowledge/relations", { params: { header: requestKey() }, body: body as never }))) as { position: number };
    element.reset();
    setAfter(made.position);
  });
  async function remove(id: string): Promise<void> {
    try {
      const gone = (await data(DELETE("/api/v1/knowledge/relations/{relation_id}", { params: { path: { relation_id: id } } }))) as { position: number };
      setAfter(gone.position);
    } catch (error) {
      refused(error, "It was not removed");
    }
  }
  return (
    <KnowledgeFrame heading="Causes" path="/knowledge/causes">
      {may("record_relation") && (
        <Panel heading="Record a cause">
          <form class="flex flex-col gap-3" onSubmit={form.submit}>
            <label>
              <span class="label">What went wrong?</span>
              <input class="field" name="problem" required maxLength={5_000} />
            </label>
            <label>
              <span class="label">Why?</span>
              <input class="field" name="cause" required maxLength={5_000} />
            </label>
            <label>
              <span class="label">What solves it? (if that is known)</span>
              <input class="field" name="solution" maxLength={5_000} />
            </label>
            <label>
              <span class="label">The card where it came up (its id, if there is one)</span>
              <input class="field" name="task" maxLength={200} />
            </label>
            <Refused text={form.problem} />
            <button class="btn-main self-start" disabled={form.busy}>
              Record it
            </button>
          </form>
        </Panel>
      )}
      <Listing
        name="Causes"
        columns={["Problem", "Cause", "Solution", "Found in", "When"]}
        items={value}
        problem={problem}
        empty="No cause is known yet. They are found in runs that failed and work that was sent back, and people record them."
        row={(one) => (
          <tr key={one.id}>
            <td dir="auto" class="break-words">{one.task_id ? <a href={link(`/t/${one.task_id}`)}>{one.problem}</a> : one.problem}</td>
            <td dir="auto" class="whitespace-pre-wrap break-words">{one.cause}</td>
            <td dir="auto" class="whitespace-pre-wrap break-words">{one.solution}</td>
            <td>{one.origin === "person" ? one.recorded_by : title(one.origin)}</td>
            <td class="whitespace-nowrap">{moment(one.at, preferences.value.zone || undefined)}</td>
            <td>
              {may("remove_relation") && (
                <button type="button" class="btn" aria-label={`Remove: ${one.problem}`} onClick={() => void remove(one.id)}>
                  Remove
                </button>
              )}
            </td>
          </tr>
        )}
      />
    </KnowledgeFrame>
  );
}
