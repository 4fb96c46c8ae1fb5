/** What an empty workspace says: the one thing to do first. */
import { may } from "../state/me";
import { ProjectForm } from "./project-form";

export function Welcome() {
  return (
    <div class="glass frosted max-w-160 mx-auto mt-10 p-6 flex flex-col gap-4">
      <h2 class="text-lg">Begin with a project</h2>
      <p>A project holds cards. Agents take the cards in “To do” by themselves, in the order in which they stand, and hand their work in for your review.</p>
      {may("create_project") ? (
        <>
          <ProjectForm />
          <p class="muted">
            Or in a terminal: <code>vapora project add Shortleaf --repo .</code>
          </p>
        </>
      ) : (
        <p class="muted">There is none here yet. An admin of the workspace can make one.</p>
      )}
    </div>
  );
}
