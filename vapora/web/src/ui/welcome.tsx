/** What an empty workspace says: the one thing to do first. */
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { data, POST, requestKey } from "../api/client";
import { loadProjects } from "../state/board";
import { refused } from "../state/toasts";

export function Welcome() {
  const { route } = useLocation();
  const [name, setName] = useState("");
  async function create(event: Event): Promise<void> {
    event.preventDefault();
    try {
      const made = await data(POST("/api/v1/projects", { params: { header: requestKey() }, body: { name, description: "" } as never }));
      await loadProjects();
      route(`/p/${(made as { id: string }).id}`);
    } catch (error) {
      refused(error, "The project was not made");
    }
  }
  return (
    <div class="glass frosted max-w-160 mx-auto mt-10 p-6 flex flex-col gap-4">
      <h2 class="text-lg">Begin with a project</h2>
      <p>A project holds cards. Agents take the cards in “To do” by themselves, in the order in which they stand, and hand their work in for your review.</p>
      <form class="flex gap-2" onSubmit={(event) => void create(event)}>
        <input class="field" aria-label="Name of the project" required maxLength={200} placeholder="Shortleaf" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <button class="btn-main">Create</button>
      </form>
      <p class="muted">
        Or in a terminal: <code>vapora projects add Shortleaf</code>
      </p>
    </div>
  );
}
