/** The two views of a project. What the board is narrowed to does not concern the other one. */
import { link } from "../api/client";

export function ProjectTabs({ project, current }: { project: string; current: "board" | "dashboard" }) {
  const views = [
    ["board", "Board", `/p/${project}`],
    ["dashboard", "Dashboard", `/p/${project}/dashboard`],
  ] as const;
  return (
    <nav aria-label="Views of the project" class="flex gap-0.5 p-0.5 rounded-lg border border-line bg-surface">
      {views.map(([view, name, to]) => (
        <a
          key={view}
          href={link(to)}
          aria-current={view === current ? "page" : undefined}
          class={`px-2.5 py-1 rounded-md text-sm no-underline ${view === current ? "bg-raised text-ink font-semibold" : "text-soft"}`}
        >
          {name}
        </a>
      ))}
    </nav>
  );
}
