/** Pausing the workspace, or the project that is shown: nothing starts, and no new model call goes out. */
import { POST, requestKey } from "../api/client";
import { moment } from "../lib/format";
import { at, pauses, project, projects } from "../state/board";
import { may } from "../state/me";
import { preferences } from "../state/preferences";
import { refused, tell } from "../state/toasts";

async function set(id: string | null, pause: boolean): Promise<void> {
  const header = requestKey();
  try {
    if (id === null) {
      if (pause) await POST("/api/v1/pause", { params: { header } });
      else await POST("/api/v1/resume", { params: { header } });
    } else {
      const params = { header, path: { project_id: id } };
      if (pause) await POST("/api/v1/projects/{project_id}/pause", { params });
      else await POST("/api/v1/projects/{project_id}/resume", { params });
    }
    tell(pause ? "Paused: what is under way ends, and nothing starts." : "It goes on.");
  } catch (error) {
    refused(error, pause ? "Not paused" : "Not resumed");
  }
}

const current = () => pauses.value.find((one) => (project.value ? one.scope === "project" && one.id === project.value : one.scope === "workspace"));

export function PauseButton() {
  if (at.value || !may(project.value ? "pause_project" : "pause_workspace") || current()) return null;
  return (
    <button class={`btn whitespace-nowrap ${projects.value.length ? "" : "invisible"}`} onClick={() => void set(project.value, true)}>
      {project.value ? "Pause project" : "Pause all"}
    </button>
  );
}

/** One line for each pause that concerns what is shown. */
export function PauseBanner() {
  const shown = pauses.value.filter((one) => one.scope === "workspace" || !project.value || one.id === project.value);
  return (
    <>
      {shown.map((one) => (
        <div key={`${one.scope}/${one.id}`} role="status" class="glass !bg-raised px-3 py-1.5 flex flex-wrap items-center gap-2 text-sm text-warn">
          <span class="grow">
            <strong class="font-semibold">{one.scope === "workspace" ? "Everything is paused" : `${name(one.id)} is paused`}</strong>
            {one.reason ? `: ${one.reason}` : ""}, since {moment(one.since, preferences.value.zone || undefined)}. Nothing starts, and no new model call goes out.
          </span>
          {!at.value && may(one.scope === "workspace" ? "resume_workspace" : "resume_project") && (
            <button class="btn !h-7" onClick={() => void set(one.scope === "workspace" ? null : one.id, false)}>
              Resume
            </button>
          )}
        </div>
      ))}
    </>
  );
}

const name = (id: string): string => projects.value.find((one) => one.id === id)?.name ?? "A project";
