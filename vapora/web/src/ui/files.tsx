/** The files on a card: dropped, pasted or chosen; shown small, downloaded and removed. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, data, DELETE, GET } from "../api/client";
import type { Attachment, Task } from "../api/types";
import { upload } from "../api/upload";
import { freeName, isImage, pastedName, size } from "../lib/files";
import { useData } from "../lib/use-data";
import { may } from "../state/me";
import { refused, tell } from "../state/toasts";
import { Loading, Panel } from "./page";

interface Sending {
  name: string;
  share: number;
}

export function Files({ task }: { task: Task }) {
  const after = useRef(0);
  // What was begun and is not in the list yet: without these a second file of the same name would be refused.
  const begun = useRef(new Set<string>());
  const { value, problem, reload } = useData(() => filesOf(task.id, after.current), [task.id, task.attachments]);
  const [sending, setSending] = useState<readonly Sending[]>([]);
  const settled = task.state === "done" || task.state === "archived" || !may("attach_file");

  async function take(files: readonly File[]): Promise<void> {
    const taken = [...(value ?? []).map((one) => one.name), ...begun.current];
    const named = files.map((file) => {
      const name = freeName(file.name, taken);
      taken.push(name);
      begun.current.add(name);
      return { file, name };
    });
    setSending((before) => [...before, ...named.map(({ name }) => ({ name, share: 0 }))]);
    for (const { file, name } of named) {
      try {
        const made = await upload(task.id, file, name, (share) => setSending((all) => all.map((one) => (one.name === name ? { name, share } : one))));
        after.current = Math.max(after.current, made.position);
      } catch (error) {
        begun.current.delete(name);
        refused(error, `“${name}” was not attached`);
      }
      setSending((all) => all.filter((one) => one.name !== name));
      reload();
    }
  }

  async function remove(name: string): Promise<void> {
    try {
      const path = { task_id: task.id, name };
      const gone = (await data(DELETE("/api/v1/tasks/{task_id}/attachments/{name}", { params: { path } }))) as { position: number };
      after.current = gone.position;
      begun.current.delete(name);
      tell(`“${name}” is no longer on the card.`);
      reload();
    } catch (error) {
      refused(error, `“${name}” was not removed`);
    }
  }

  return (
    <Panel heading="Files">
      {!value && <Loading problem={problem} />}
      {value && value.length > 0 && (
        <ul class="m-0 p-0 list-none flex flex-wrap gap-3" aria-label="Attached files">
          {value.map((one) => (
            <li key={`${one.name}/${one.sha256}`} class="border border-line rounded-lg p-2 bg-raised flex flex-col gap-1.5 w-44">
              <Shown task={task.id} file={one} />
              {!settled && (
                <button class="btn" aria-label={`Remove “${one.name}”`} onClick={() => void remove(one.name)}>
                  Remove
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {sending.map(({ name, share }) => (
        <label key={name} class="text-sm flex gap-2 items-center">
          <span class="min-w-0 truncate">{name}</span>
          <progress max={1} value={share} aria-label={`Sending “${name}”`} />
        </label>
      ))}
      {!settled && <Picker take={(files) => void take(files)} everywhere said="An agent that can see looks at images; every one reads texts. Files that come later reach its next run." />}
    </Panel>
  );
}

/** A place for files: dropped, pasted or chosen. `everywhere`: those that are dropped or pasted anywhere on the page. */
export function Picker({ take, said, everywhere = false }: { take: (files: readonly File[]) => void; said: string; everywhere?: boolean }) {
  const ref = useRef<HTMLDivElement>(null);
  const [over, setOver] = useState(false);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const place: EventTarget = everywhere ? window : (ref.current?.closest("dialog") ?? window);
    const drag = (event: Event) => {
      const { dataTransfer } = event as DragEvent;
      if (!dataTransfer?.types.includes("Files")) return;
      // Else the browser leaves the page, and opens the file.
      event.preventDefault();
      event.stopPropagation();
      setOver(event.type === "dragover");
      if (event.type === "drop" && dataTransfer.files.length) latest.current([...dataTransfer.files]);
    };
    const paste = (event: Event) => {
      const files = [...((event as ClipboardEvent).clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      event.stopPropagation();
      latest.current(files.map((file) => new File([file], pastedName(file, new Date()), { type: file.type })));
    };
    const heard: [string, (event: Event) => void][] = [["dragover", drag], ["dragleave", drag], ["drop", drag], ["paste", paste]];
    for (const [name, listener] of heard) place.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of heard) place.removeEventListener(name, listener);
    };
  }, [everywhere]);
  return (
    <div ref={ref} class={`border border-dashed rounded-lg p-3 flex flex-wrap gap-x-3 gap-y-1 items-center ${over ? "!border-accent bg-raised" : ""}`}>
      <label class="btn focus-within:!border-accent">
        Choose files…
        <input
          type="file"
          multiple
          class="sr"
          aria-label="Files to attach"
          onChange={(event) => {
            const files = [...(event.currentTarget.files ?? [])];
            event.currentTarget.value = "";
            if (files.length) take(files);
          }}
        />
      </label>
      <span class="text-sm text-soft grow basis-60">Or drop them here, or paste a screenshot. {said}</span>
    </div>
  );
}

async function filesOf(task: string, after: number): Promise<readonly Attachment[]> {
  const query = after ? { after } : {};
  const page = (await data(GET("/api/v1/tasks/{task_id}/attachments", { params: { path: { task_id: task }, query } }))) as { items: Attachment[] };
  return page.items;
}

const bytesOf = (task: string, name: string): Promise<Blob> =>
  data(GET("/api/v1/tasks/{task_id}/attachments/{name}", { params: { path: { task_id: task, name } }, parseAs: "blob" })) as Promise<Blob>;

function Shown({ task, file }: { task: string; file: Attachment }) {
  async function download(): Promise<void> {
    try {
      const url = URL.createObjectURL(await bytesOf(task, file.name));
      const link = document.createElement("a");
      link.href = url;
      link.download = file.name;
      link.click();
      URL.revokeObjectURL(url);
    } catch (error) {
      refused(error, `“${file.name}” could not be loaded`);
    }
  }
  return (
    <>
      {isImage(file.media_type) && <Thumbnail load={() => bytesOf(task, file.name)} name={file.name} of={file.sha256} />}
      <button class="btn-quiet !justify-start min-w-0" title={`Download ${file.name}`} onClick={() => void download()}>
        <span class="truncate" dir="auto">
          {file.name}
        </span>
      </button>
      <span class="text-xs text-soft">
        {file.width ? `${file.width} × ${file.height}, ` : ""}
        {size(file.bytes)}
      </span>
    </>
  );
}

/** `of`: what tells one picture from another. Made of bytes that this page has, so that nothing of a file can run. */
export function Thumbnail({ load, name, of }: { load: () => Promise<Blob>; name: string; of: string }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    let made = "";
    let left = false;
    load().then(
      (blob) => {
        if (left) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      },
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
      },
    );
    return () => {
      left = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [of]);
  return url ? <img src={url} alt={name} class="w-full h-28 object-contain rounded" /> : <span class="w-full h-28 block" aria-hidden="true" />;
}
