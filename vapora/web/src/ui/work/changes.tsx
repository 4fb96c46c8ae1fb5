/** What the card's branch changed: files, checks, and the patch with comments on its lines. */
import { useState } from "preact/hooks";
import { data, GET } from "../../api/client";
import type { Changes, Comment, Task } from "../../api/types";
import { count, duration } from "../../lib/format";
import { type FilePatch, parse } from "../../lib/patch";
import { useData } from "../../lib/use-data";
import { Loading, Panel } from "../page";
import { Diff, type Layout } from "./diff";

async function find(task: string): Promise<{ changes: Changes; patches: readonly FilePatch[] }> {
  const changes = (await data(GET("/api/v1/tasks/{task_id}/changes", { params: { path: { task_id: task } } }))) as Changes;
  return { changes, patches: parse(changes.patch) };
}

// Beyond this many lines a file's patch is opened by the person: drawing it takes a moment.
const OPEN_UP_TO = 400;
const lines = (file: FilePatch): number => file.hunks.reduce((sum, one) => sum + one.lines.length, 0);

export function ChangesPanel({ task, comments }: { task: Task; comments: readonly Comment[] }) {
  const [layout, setLayout] = useState<Layout>("inline");
  // Not with every frame of the card: git computes the patch and a trial merge for it, and a run at work sends many.
  const { value, problem } = useData(() => find(task.id), [task.id, task.head, task.state, task.checks, task.landing_problem?.at]);
  if (!value) return <Panel heading="Changes"><Loading problem={problem} /></Panel>;
  const { changes, patches } = value;
  const patchOf = new Map(patches.map((one) => [one.path, one]));
  return (
    <Panel heading="Changes">
      <Checks changes={changes} />
      {changes.conflicts.length > 0 && (
        <p class="text-warn text-sm">
          The base branch has changed in the same places: <Paths paths={changes.conflicts} />
        </p>
      )}
      {changes.files.length === 0 ? (
        <p class="muted">The branch changes nothing.</p>
      ) : (
        <>
          <div class="flex flex-wrap items-center gap-2 text-sm">
            <span class="grow">
              {count(changes.files.length)} {changes.files.length === 1 ? "file" : "files"}, <Amount changes={changes} />, {changes.commits.length}{" "}
              {changes.commits.length === 1 ? "commit" : "commits"}
            </span>
            <fieldset class="flex gap-3">
              <legend class="sr">Layout of the patch</legend>
              {(["inline", "sides"] as const).map((one) => (
                <label key={one} class="flex items-center gap-1">
                  <input type="radio" name="layout" checked={layout === one} onChange={() => setLayout(one)} />
                  {one === "inline" ? "Inline" : "Side by side"}
                </label>
              ))}
            </fieldset>
          </div>
          {changes.truncated && <p class="text-warn text-sm">The patch is longer than what is shown.</p>}
          {changes.files.map((file) => {
            const patch = patchOf.get(file.path);
            return (
              <details key={file.path} open={patch !== undefined && lines(patch) <= OPEN_UP_TO}>
                <summary class="cursor-pointer text-sm break-all">
                  <span class="tag mr-1">{file.status}</span>
                  {file.old_path && file.old_path !== file.path ? `${file.old_path} → ` : ""}
                  <strong>{file.path}</strong>{" "}
                  {file.binary ? (
                    <span class="text-soft">binary</span>
                  ) : (
                    <>
                      <span class="text-good">+{file.additions}</span> <span class="text-bad">−{file.deletions}</span>
                    </>
                  )}
                </summary>
                <div class="mt-2">
                  {patch && patch.hunks.length > 0 ? (
                    <Diff task={task.id} head={changes.head} file={patch} layout={layout} comments={comments} />
                  ) : (
                    <p class="muted">{file.binary ? "A binary file is not shown." : "No line differs, or the patch ends before."}</p>
                  )}
                </div>
              </details>
            );
          })}
        </>
      )}
    </Panel>
  );
}

function Amount({ changes }: { changes: Changes }) {
  const added = changes.files.reduce((sum, one) => sum + one.additions, 0);
  const removed = changes.files.reduce((sum, one) => sum + one.deletions, 0);
  return (
    <>
      <span class="text-good">{count(added)} added</span>, <span class="text-bad">{count(removed)} removed</span>
    </>
  );
}

function Paths({ paths }: { paths: readonly string[] }) {
  return <span class="break-all">{paths.join(", ")}</span>;
}

function Checks({ changes }: { changes: Changes }) {
  if (!changes.checks.length) return <p class="muted">No check was run on this commit.</p>;
  return (
    <ul class="m-0 p-0 list-none flex flex-col gap-1" aria-label="Checks">
      {changes.checks.map((one) => {
        const good = one.exit_code === 0;
        return (
          <li key={one.name}>
            <details>
              <summary class="cursor-pointer text-sm">
                <strong class={good ? "text-good" : "text-bad"}>
                  {good ? "✓" : "✗"} {one.name}
                </strong>{" "}
                <code class="text-soft">{one.command}</code>{" "}
                <span class="text-soft">
                  {one.ended ? `ended: ${one.ended}` : `exit code ${one.exit_code}`}, {duration(one.duration_ms)}
                </span>
              </summary>
              <pre class="mt-1 max-h-80 overflow-auto border border-line rounded-lg p-2" tabIndex={0} role="region" aria-label={`Output of ${one.name}`}>
                {one.output || "No output."}
                {one.truncated ? "\n[not all of it]" : ""}
              </pre>
            </details>
          </li>
        );
      })}
    </ul>
  );
}
