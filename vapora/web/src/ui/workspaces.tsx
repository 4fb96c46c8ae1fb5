/** In the header: which workspace this is, the way to the others, and who is signed in. */
import { useState } from "preact/hooks";
import { link, workspace } from "../api/client";
import { data, POST, requestKey } from "../api/client";
import { useForm } from "../lib/form";
import { isAdministrator, me } from "../state/me";
import { settings } from "../state/settings";
import { Dialog } from "./dialog";
import { Refused } from "./outside";

const NEW = "+";
/** Loaded anew, so that nothing of one workspace is shown in the other. */
export const enter = (id: string): void => location.assign(id === "default" ? "/" : `/?w=${id}`);

export function WorkspaceSwitch() {
  const [making, setMaking] = useState(false);
  const mine = me.value?.workspaces ?? [];
  const mayMake = isAdministrator() && me.value?.kind !== "local";
  if (mine.length < 2 && !mayMake) return null;
  function choose(select: HTMLSelectElement): void {
    const wanted = select.value;
    select.value = workspace;
    if (wanted === NEW) setMaking(true);
    else if (wanted !== workspace) enter(wanted);
  }
  return (
    <>
      <select class="field !h-8 !w-auto max-w-40" aria-label="Workspace" value={workspace} onChange={(event) => choose(event.currentTarget)}>
        {!mine.some((one) => one.workspace_id === workspace) && <option value={workspace}>{settings.value.name || workspace}</option>}
        {mine.map((one) => (
          <option key={one.workspace_id} value={one.workspace_id}>
            {(one.workspace_id === workspace && settings.value.name) || one.name || one.workspace_id}
            {one.archived ? " (archived)" : ""}
          </option>
        ))}
        {mayMake && <option value={NEW}>New workspace…</option>}
      </select>
      {making && (
        <Dialog heading="New workspace" close={() => setMaking(false)}>
          <NewWorkspace />
        </Dialog>
      )}
    </>
  );
}

function NewWorkspace() {
  const { busy, problem, submit } = useForm(async (filled) => {
    const id = filled("id");
    const body = { name: filled("name"), ...(id ? { id } : {}) } as never;
    const made = (await data(POST("/api/v1/workspaces", { params: { header: requestKey() }, body }))) as { id: string };
    enter(made.id);
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <p class="muted">It has cards, agents, budgets and members of its own. You are its owner.</p>
      <label>
        <span class="label">Name of the workspace</span>
        <input class="field" name="name" required maxLength={200} placeholder="Acme" />
      </label>
      <label>
        <span class="label">Id, in addresses and policies; made from the name if empty, and never changed</span>
        <input class="field" name="id" pattern="[a-z0-9]+(-[a-z0-9]+)*" maxLength={63} placeholder="acme" />
      </label>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Create the workspace
      </button>
    </form>
  );
}

/** Who is signed in; from there on, the way out. */
export function Person() {
  const who = me.value;
  if (!who || who.kind === "local") return null;
  return (
    <a class="btn-quiet !h-8 max-w-40 no-underline" href={link("/settings/profile")} title={who.email ?? "The operator of this installation"}>
      <span class="truncate" dir="auto">
        {who.kind === "operator" ? "Operator" : who.name}
      </span>
    </a>
  );
}

/** The address names a workspace that is not there for this person. */
export function NoWorkspace() {
  const mine = me.value?.workspaces ?? [];
  return (
    <div class="p-8 max-w-160 mx-auto">
      <div class="glass p-6 flex flex-col gap-3">
        <h1>There is no workspace “{workspace}” for you</h1>
        {mine.length > 0 ? (
          <>
            <p>These are yours:</p>
            <ul class="m-0 pl-5">
              {mine.map((one) => (
                <li key={one.workspace_id}>
                  {/* Not within the page: everything is loaded anew. */}
                  <a href={one.workspace_id === "default" ? "/" : `/?w=${one.workspace_id}`} target="_self" onClick={(event) => (event.preventDefault(), enter(one.workspace_id))}>
                    {one.name || one.workspace_id}
                  </a>
                </li>
              ))}
            </ul>
          </>
        ) : (
          <p>You belong to none yet. Ask an owner or admin of a workspace to invite you, or an administrator of this installation.</p>
        )}
      </div>
    </div>
  );
}
