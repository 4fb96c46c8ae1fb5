/** A new project, and what is needed for work in a repository. */
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { data, link, POST, requestKey } from "../api/client";
import { loadProjects } from "../state/board";
import { needsOperator } from "../state/me";
import { refused } from "../state/toasts";

export function ProjectForm({ done }: { done?: () => void }) {
  const { route } = useLocation();
  const [busy, setBusy] = useState(false);
  async function create(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const checks = text("checks").split("\n").map((one) => one.trim()).filter(Boolean);
    const repo = text("repo");
    const work = {
      repo,
      ...(checks.length ? { checks: checks.map((command) => ({ name: named(command), command })) } : {}),
      ...(text("merge_policy") ? { merge_policy: text("merge_policy") } : {}),
    };
    setBusy(true);
    try {
      const body = { name: text("name"), description: "", ...(repo ? work : {}) } as never;
      const made = await data(POST("/api/v1/projects", { params: { header: requestKey() }, body }));
      await loadProjects();
      done?.();
      route(link(`/p/${(made as { id: string }).id}`));
    } catch (error) {
      refused(error, "The project was not made");
    } finally {
      setBusy(false);
    }
  }
  return (
    <form class="flex flex-col gap-3" onSubmit={(event) => void create(event as unknown as SubmitEvent)}>
      <label>
        <span class="label">Name of the project</span>
        <input class="field" name="name" required maxLength={200} placeholder="Shortleaf" />
      </label>
      <details>
        <summary class="cursor-pointer text-sm">Work in a git repository</summary>
        <div class="flex flex-col gap-3 mt-3">
          {needsOperator() && <p class="text-warn text-sm">This needs the page to be opened by the address that `vapora up` prints: commands are run for it.</p>}
          <label>
            <span class="label">Repository: a folder on the server, or a URL (https, ssh)</span>
            <input class="field" name="repo" maxLength={4_096} placeholder="/home/ada/shortleaf" />
          </label>
          <label>
            <span class="label">Checks: commands that have to succeed, one a line</span>
            <textarea class="area" name="checks" placeholder="make test" />
          </label>
          <label>
            <span class="label">Approved work with green checks</span>
            <select class="field" name="merge_policy">
              <option value="">is merged by a person</option>
              <option value="when-approved">is merged by itself</option>
            </select>
          </label>
        </div>
      </details>
      <button class="btn-main self-start" disabled={busy}>
        Create
      </button>
    </form>
  );
}

/** A check's name is its command, as far as a name may go. */
const named = (command: string): string => command.slice(0, 200);
