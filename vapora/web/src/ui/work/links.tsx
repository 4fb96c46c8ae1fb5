/** The issues and pull requests of a card; and an issue made of it. */
import { useState } from "preact/hooks";
import { data, GET, POST, requestKey } from "../../api/client";
import type { CardLink, Task, Tracker } from "../../api/types";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { refused, tell } from "../../state/toasts";
import { Panel } from "../page";

interface Found {
  links: readonly CardLink[];
  trackers: readonly Tracker[];
}

async function find(task: Task): Promise<Found> {
  const links = ((await data(GET("/api/v1/tasks/{task_id}/links", { params: { path: { task_id: task.id } } }))) as { items: CardLink[] }).items;
  const known = may("list_trackers") ? ((await data(GET("/api/v1/trackers", { params: { query: {} } }))) as { items: Tracker[] }).items : [];
  return { links, trackers: known.filter((one) => one.enabled && one.project_id === task.project_id) };
}

export function Links({ task }: { task: Task }) {
  const { value } = useData(() => find(task), [task.id, task.comments, task.state]);
  const [wanted, setWanted] = useState<readonly string[]>([]);
  if (!value || (!value.links.length && !value.trackers.length)) return null;
  const has = new Set([...wanted, ...value.links.filter((one) => one.kind === "issue").map((one) => one.tracker_id)]);
  async function make(tracker: string): Promise<void> {
    try {
      await data(POST("/api/v1/tasks/{task_id}/issue", { params: { path: { task_id: task.id }, header: requestKey() }, body: { tracker_id: tracker } }));
      setWanted([...wanted, tracker]);
      tell("An issue is made of it.");
    } catch (error) {
      refused(error, "No issue is made");
    }
  }
  return (
    <Panel heading="Issues and pull requests">
      <ul class="m-0 p-0 list-none flex flex-col gap-1 text-sm">
        {value.links.map((one) => (
          <li key={`${one.tracker_id}/${one.kind}/${one.number}`} class="break-words">
            <Outside url={one.url} text={`${one.kind === "pull" ? "Pull request" : "Issue"} ${one.number}`} /> <span class="text-soft">{one.state}</span>
            {one.problem && <span class="text-warn"> {one.problem}</span>}
          </li>
        ))}
      </ul>
      {may("link_task") &&
        value.trackers
          .filter((one) => !has.has(one.id))
          .map((one) => (
            <button key={one.id} class="btn-quiet !h-8" onClick={() => void make(one.id)}>
              Make an issue in {one.remote}
            </button>
          ))}
    </Panel>
  );
}

/** The tracker says where it is, so that it is followed only where that is an address of the web. */
function Outside({ url, text }: { url: string; text: string }) {
  if (!/^https?:\/\//.test(url)) return <>{text}</>;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer">
      {text}
    </a>
  );
}
