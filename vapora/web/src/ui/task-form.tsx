/** Everything that a new card can have. */
import { useEffect, useState } from "preact/hooks";
import { data, GET, PATCH, POST, PUT, requestKey } from "../api/client";
import type { Role } from "../api/types";
import { labelsOf } from "../lib/labels";
import { upload } from "../api/upload";
import { freeName, isImage } from "../lib/files";
import { percent } from "../lib/format";
import { allCards, projects } from "../state/board";
import { settings } from "../state/settings";
import { refused, tell } from "../state/toasts";
import { Picker, Thumbnail } from "./files";

const TYPES = ["feature", "bugfix", "enhancement", "tech-debt"];

export function TaskForm({ title, project, done }: { title: string; project: string | undefined; done: () => void }) {
  const [roles, setRoles] = useState<readonly Role[]>([]);
  const [busy, setBusy] = useState(false);
  const [progress, setProgress] = useState("");
  const [blockers, setBlockers] = useState<readonly string[]>([]);
  const [files, setFiles] = useState<readonly { file: File; name: string }[]>([]);
  useEffect(() => {
    void data(GET("/api/v1/roles")).then((page) => setRoles((page as unknown as { items: Role[] }).items), (error) => refused(error, "The roles could not be loaded"));
  }, []);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const body = {
      project_id: text("project"),
      title: text("title"),
      description: text("description"),
      type: text("type"),
      priority: Number(text("priority")),
      review: text("review"),
      blocked_by: blockers,
      labels: labelsOf(text("labels")),
      ...(text("role") ? { role: text("role") } : {}),
      ...(text("deadline") ? { deadline: new Date(text("deadline")).toISOString() } : {}),
      // An agent would begin without the files: until they are there, the card is a person's.
      ...(files.length ? { assignee: "whoever attaches its files" } : {}),
    };
    setBusy(true);
    try {
      const made = await data(POST("/api/v1/tasks", { params: { header: requestKey() }, body: body as never }));
      const limit = text("limit");
      const path = { task_id: (made as { task_id: string }).task_id };
      if (limit) {
        await PUT("/api/v1/budgets/task/{task_id}", { params: { path }, body: { limit_cents: Math.round(Number(limit) * 100) } as never });
      }
      await attach(path.task_id);
      tell(`“${body.title}” is on the board.`);
      done();
    } catch (error) {
      refused(error, "The card was not added");
    } finally {
      setBusy(false);
    }
  }

  /** Whatever comes of a file, the card is there, and says that it waits for a person until an agent may have it. */
  async function attach(task: string): Promise<void> {
    if (!files.length) return;
    let left = 0;
    for (const { file, name } of files) {
      try {
        await upload(task, file, name, (share) => setProgress(`Sending “${name}”, ${percent(share)}`));
      } catch (error) {
        left += 1;
        refused(error, `“${name}” was not attached`);
      }
    }
    setProgress("");
    if (left) tell("No agent takes the card yet.", "bad", "Attach what is missing on the card, then edit it and empty “Person who does it”.");
    else await PATCH("/api/v1/tasks/{task_id}", { params: { path: { task_id: task } }, body: { assignee: null } as never });
  }

  function take(more: readonly File[]): void {
    setFiles((before) => {
      const found = [...before];
      for (const file of more) found.push({ file, name: freeName(file.name, found.map((one) => one.name)) });
      return found;
    });
  }

  const open = allCards.value.filter((card) => card.state !== "done" && !blockers.includes(card.id));
  return (
    <form class="flex flex-col gap-3" onSubmit={(event) => void submit(event as unknown as SubmitEvent)}>
      <label>
        <span class="label">Title</span>
        <input class="field" name="title" required minLength={3} maxLength={500} defaultValue={title} autofocus />
      </label>
      <label>
        <span class="label">What is to be done</span>
        <textarea class="area" name="description" maxLength={100_000} />
      </label>
      <div class="grid sm:grid-cols-2 gap-3">
        <Choice name="project" label="Project" options={projects.value.map((one) => [one.id, one.name])} value={project} />
        <Choice name="type" label="Type" options={TYPES.map((one) => [one, one])} />
        <Choice name="role" label="Role" options={[["", "whoever can do it best"], ...roles.map((one): [string, string] => [one.id, one.title])]} />
        <Choice name="review" label="Review" options={[["human", "by a person"], ["agent", "by another agent"], ["none", "none: a good run is done"]]} value={settings.value.default_review} />
        <label>
          <span class="label">Priority (0 to 100)</span>
          <input class="field" name="priority" type="number" min={0} max={100} defaultValue={String(settings.value.default_priority)} required />
        </label>
        <label>
          <span class="label">Deadline</span>
          <input class="field" name="deadline" type="datetime-local" />
        </label>
        <label>
          <span class="label">May cost at most ($, empty: no limit of its own)</span>
          <input class="field" name="limit" type="number" min={0} step="0.01" />
        </label>
        <label>
          <span class="label">Labels (separated by commas)</span>
          <input class="field" name="labels" maxLength={1_060} />
        </label>
        <label>
          <span class="label">Waits for</span>
          <select class="field" value="" onChange={(event) => setBlockers([...blockers, event.currentTarget.value])}>
            <option value="">{blockers.length ? `${blockers.length} chosen; add another…` : "no other card"}</option>
            {open.slice(0, 200).map((card) => (
              <option key={card.id} value={card.id}>
                {card.title}
              </option>
            ))}
          </select>
        </label>
      </div>
      {blockers.length > 0 && (
        <button type="button" class="btn-quiet self-start" onClick={() => setBlockers([])}>
          Wait for no card
        </button>
      )}
      {files.length > 0 && (
        <ul class="m-0 p-0 list-none flex flex-wrap gap-3" aria-label="Files to attach">
          {files.map(({ file, name }) => (
            <li key={name} class="border border-line rounded-lg p-2 bg-raised flex flex-col gap-1.5 w-36">
              {isImage(file.type) && <Thumbnail load={() => Promise.resolve(file)} name={name} of={name} />}
              <span class="text-sm truncate" title={name} dir="auto">
                {name}
              </span>
              <button type="button" class="btn" aria-label={`Leave out “${name}”`} onClick={() => setFiles(files.filter((one) => one.name !== name))}>
                Leave out
              </button>
            </li>
          ))}
        </ul>
      )}
      <Picker take={take} said="Agents begin once all of them are there." />
      <button class="btn-main self-start" disabled={busy}>
        {busy ? progress || "Adding…" : "Add the card"}
      </button>
    </form>
  );
}

function Choice({ name, label, options, value }: { name: string; label: string; options: [string, string][]; value?: string }) {
  return (
    <label>
      <span class="label">{label}</span>
      <select class="field" name={name} defaultValue={value}>
        {options.map(([key, text]) => (
          <option key={key} value={key} selected={key === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
