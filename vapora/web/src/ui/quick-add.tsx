/** A title and Enter makes a card; the whole form has everything else. */
import { useState } from "preact/hooks";
import { data, POST, requestKey } from "../api/client";
import { project, projects } from "../state/board";
import { may } from "../state/me";
import { refused, tell } from "../state/toasts";
import { Dialog } from "./dialog";
import { TaskForm } from "./task-form";

export function QuickAdd() {
  const [text, setText] = useState("");
  const [form, setForm] = useState(false);
  const into = project.value ?? (projects.value.length === 1 ? projects.value[0]?.id : undefined);
  if (!may("submit_task")) return null;

  async function add(event: Event): Promise<void> {
    event.preventDefault();
    if (!into) return setForm(true);
    const given = text;
    // At once: the next title may be typed before the server has answered.
    setText("");
    try {
      const body = { project_id: into, title: given } as never;
      await data(POST("/api/v1/tasks", { params: { header: requestKey() }, body }));
      tell(`“${given.trim()}” is on the board.`);
    } catch (error) {
      setText((typed) => typed || given);
      refused(error, "The card was not added");
    }
  }
  return (
    <>
      <form class={`flex gap-1.5 min-w-0 order-last w-full sm:order-none sm:w-auto ${projects.value.length ? "" : "invisible"}`} onSubmit={(event) => void add(event)}>
        <input class="field min-w-24 sm:!w-56" aria-label="Title of a new card" placeholder="New card…" minLength={3} maxLength={500} required={!!into} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <button class="btn-main">Add</button>
        <button type="button" class="btn" onClick={() => setForm(true)}>
          More…
        </button>
      </form>
      {form && (
        <Dialog heading="New card" close={() => setForm(false)}>
          <TaskForm title={text} project={into} done={() => (setText(""), setForm(false))} />
        </Dialog>
      )}
    </>
  );
}
