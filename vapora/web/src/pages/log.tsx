/** The log itself: filter it, follow it, and go from an event back to what led to it. */
import { useEffect, useState } from "preact/hooks";
import { useRoute } from "preact-iso";
import { data, GET } from "../api/client";
import type { LogEvent } from "../api/types";
import { moment } from "../lib/format";
import { useData } from "../lib/use-data";
import { position } from "../state/live";
import { preferences } from "../state/preferences";
import { Dialog } from "../ui/dialog";
import { Loading, Page } from "../ui/page";

const SHOWN = 100;

interface Wanted {
  topic: string;
  stream: string;
  actor: string;
  correlation: string;
}

async function newest(wanted: Wanted, end: number): Promise<readonly LogEvent[]> {
  const filter = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
  const filtered = Object.keys(filter).length > 0;
  // The log is read forwards: without a filter the newest begin a page before its end.
  const after = filtered ? 0 : Math.max(0, end - SHOWN);
  let found: LogEvent[] = [];
  let next: number | null = after;
  while (next !== null) {
    const page: { items: LogEvent[]; next: string | null } = (await data(
      GET("/api/v1/events", { params: { query: { after: next, limit: 500, ...filter } } }),
    )) as never;
    found = [...found, ...page.items].slice(-SHOWN);
    next = page.next === null ? null : Number(page.next);
  }
  return found.reverse();
}

export function LogPage() {
  const { query } = useRoute();
  const [wanted, setWanted] = useState<Wanted>({ topic: query.topic ?? "", stream: query.stream ?? "", actor: query.actor ?? "", correlation: query.correlation ?? "" });
  const [following, setFollowing] = useState(true);
  const [open, setOpen] = useState<number | null>(query.at ? Number(query.at) : null);
  const end = position.value;
  const load = async () => {
    const head = end || ((await data(GET("/api/v1/position"))) as { head: number }).head;
    return newest(wanted, head);
  };
  const { value, problem } = useData(load, [JSON.stringify(wanted), following ? end : 0]);
  const set = (name: keyof Wanted) => (event: Event) => setWanted({ ...wanted, [name]: (event.currentTarget as HTMLInputElement).value.trim() });
  return (
    <Page
      heading="Log"
      aside={
        <label class="text-sm flex gap-1.5 items-center">
          <input type="checkbox" checked={following} onChange={(event) => setFollowing(event.currentTarget.checked)} />
          Follow
        </label>
      }
    >
      <search class="grid sm:grid-cols-4 gap-2">
        {(["topic", "stream", "actor", "correlation"] as const).map((name) => (
          <input key={name} class="field" aria-label={name} placeholder={name} value={wanted[name]} onChange={set(name)} />
        ))}
      </search>
      {!value ? <Loading problem={problem} /> : value.length ? <Table events={value} open={setOpen} /> : <p>No such event.</p>}
      {open !== null && <EventDialog position={open} go={setOpen} />}
    </Page>
  );
}

function Table({ events, open }: { events: readonly LogEvent[]; open: (position: number) => void }) {
  const zone = preferences.value.zone || undefined;
  return (
    <div class="glass frosted overflow-x-auto" tabIndex={0} role="region" aria-label="Events, newest first">
      <table>
        <thead>
          <tr>
            <th class="num">Position</th>
            <th>When</th>
            <th>What</th>
            <th>Stream</th>
            <th>Who</th>
          </tr>
        </thead>
        <tbody>
          {events.map((one) => (
            <tr key={one.position}>
              <td class="num">
                <button class="btn-quiet !h-6" onClick={() => open(one.position)} aria-label={`Event ${one.position}`}>
                  {one.position}
                </button>
              </td>
              <td class="whitespace-nowrap">{moment(one.recorded_at, zone)}</td>
              <td>{one.topic}</td>
              <td class="break-all">{one.stream}</td>
              <td class="break-all">{one.actor}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EventDialog({ position: at, go }: { position: number; go: (position: number | null) => void }) {
  const [chain, setChain] = useState<readonly LogEvent[] | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    setChain(null);
    setProblem("");
    data(GET("/api/v1/events/{position}/chain", { params: { path: { position: at } } })).then(
      (found) => setChain((found as unknown as { items: LogEvent[] }).items),
      (error: Error) => setProblem(error.message),
    );
  }, [at]);
  const event = chain?.find((one) => one.position === at);
  return (
    <Dialog heading={`Event ${at}`} close={() => go(null)}>
      {!chain ? (
        <Loading problem={problem} />
      ) : (
        <>
          <ol class="m-0 pl-5 text-sm" aria-label="What led to it">
            {chain.map((one) => (
              <li key={one.position}>
                <button class="btn-quiet !h-6" disabled={one.position === at} onClick={() => go(one.position)}>
                  {one.position}
                </button>{" "}
                {one.topic} <span class="text-soft">by {one.actor}</span>
              </li>
            ))}
          </ol>
          {event && <pre tabIndex={0} class="max-h-80 overflow-auto border border-line rounded-lg p-2">{JSON.stringify(event.event, null, 2)}</pre>}
        </>
      )}
    </Dialog>
  );
}
