/** Only what was changed is sent, so that two people who edit different fields do not undo each other. */
import type { Task } from "../api/types";
import { labelsOf } from "../lib/labels";
import { edit } from "../state/board";

export function EditTask({ task, done }: { task: Task; done: () => void }) {
  async function save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "");
    const given = text("deadline") ? new Date(text("deadline")).toISOString() : null;
    const wanted: Record<string, unknown> = {
      title: text("title").trim(),
      description: text("description"),
      priority: Number(text("priority")),
      review: text("review"),
      deadline: given,
      assignee: text("assignee").trim() || null,
      labels: labelsOf(text("labels")),
    };
    const before: Record<string, unknown> = { ...task, deadline: task.deadline ? new Date(task.deadline).toISOString() : null };
    if ((wanted.labels as string[]).join("\n") === (task.labels ?? []).join("\n")) delete wanted.labels;
    if (local(task.deadline) === text("deadline")) delete wanted.deadline;
    const change = Object.fromEntries(Object.entries(wanted).filter(([name, value]) => before[name] !== value));
    if (Object.keys(change).length === 0 || (await edit(task.id, change))) done();
  }
  return (
    <form class="flex flex-col gap-3" onSubmit={(event) => void save(event as unknown as SubmitEvent)}>
      <label>
        <span class="label">Title</span>
        <input class="field" name="title" required minLength={3} maxLength={500} defaultValue={task.title} />
      </label>
      <label>
        <span class="label">What is to be done</span>
        <textarea class="area min-h-40" name="description" maxLength={100_000} defaultValue={task.description} />
      </label>
      <div class="grid sm:grid-cols-3 gap-3">
        <label>
          <span class="label">Priority (0 to 100)</span>
          <input class="field" name="priority" type="number" min={0} max={100} required defaultValue={String(task.priority)} />
        </label>
        <label>
          <span class="label">Review</span>
          <select class="field" name="review">
            {["human", "agent", "none"].map((one) => (
              <option key={one} selected={one === task.review}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="label">Deadline</span>
          <input class="field" name="deadline" type="datetime-local" defaultValue={local(task.deadline)} />
        </label>
        <label class="sm:col-span-3">
          <span class="label">Person who does it (agents leave such a card alone; empty: agents may take it)</span>
          <input class="field" name="assignee" maxLength={200} defaultValue={task.assignee ?? ""} />
        </label>
        <label class="sm:col-span-3">
          <span class="label">Labels (separated by commas)</span>
          <input class="field" name="labels" maxLength={1_060} defaultValue={(task.labels ?? []).join(", ")} />
        </label>
      </div>
      <button class="btn-main self-start">Save</button>
    </form>
  );
}

/** As `datetime-local` wants it: this computer's wall clock, to the minute. */
function local(instant: string | null): string {
  if (!instant) return "";
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
