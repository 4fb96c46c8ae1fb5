/** One document: read, edited with a preview, its versions, and what may be done to it. */
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { ApiError, data, DELETE, GET, link, POST, PUT, requestKey } from "../api/client";
import type { DocumentVersion, DocumentView } from "../api/types";
import { moment, title } from "../lib/format";
import { useData } from "../lib/use-data";
import { may } from "../state/me";
import { preferences } from "../state/preferences";
import { refused, tell } from "../state/toasts";
import { Markdown } from "../ui/markdown";
import { Loading, Page, Panel } from "../ui/page";

const PATH = "/api/v1/documents/{document_id}" as const;

export function DocumentPage() {
  const { document: id } = useRoute().params as { document: string };
  const [version, setVersion] = useState(0);
  const [editing, setEditing] = useState(false);
  const load = async () => (await data(GET(PATH, { params: { path: { document_id: id }, query: version ? { version } : {} } }))) as DocumentView;
  const { value, problem, reload } = useData(load, [id, version], (frame) => frame.rows.some((row) => row.view === "document" && row.key === id));
  if (!value)
    return (
      <Page heading="Document">
        <Loading problem={problem} />
      </Page>
    );
  const newest = value.shown_version === value.version;
  return (
    <Page heading={value.title} aside={<a href={link("/documents")}>All documents</a>}>
      <Facts document={value} />
      {!editing && <Actions document={value} changed={reload} edit={() => (setVersion(0), setEditing(true))} />}
      {editing && newest ? (
        <Editor document={value} close={() => (setEditing(false), reload())} />
      ) : (
        <Panel heading={newest ? "Text" : `Version ${value.shown_version}`}>
          {!newest && (
            <p class="text-sm">
              An earlier version.{" "}
              <button class="btn" onClick={() => setVersion(0)}>
                Show the newest
              </button>
            </p>
          )}
          {value.text ? <Markdown text={value.text} /> : <p class="muted">It has no text yet.</p>}
        </Panel>
      )}
      <History id={id} newest={value.version} show={(number) => setVersion(number === value.version ? 0 : number)} />
    </Page>
  );
}

function Facts({ document: one }: { document: DocumentView }) {
  return (
    <p class="flex flex-wrap gap-1.5 items-center text-sm">
      <span class="tag">{title(one.kind)}</span>
      <span class="tag">{title(one.state)}</span>
      <span class="tag">
        version {one.version}
        {one.published_version && one.published_version !== one.version ? `, ${one.published_version} is published` : ""}
      </span>
      {one.path && <span class="tag">{one.path}</span>}
      {one.kind_reason && <span class="text-soft">The kind was inferred: {one.kind_reason}.</span>}
      {one.merged_into && (
        <span>
          It was merged into <a href={link(`/documents/${one.merged_into}`)}>another document</a>.
        </span>
      )}
      {one.merged_from.map((from) => (
        <a key={from} href={link(`/documents/${from}`)}>
          A document that was merged into it
        </a>
      ))}
    </p>
  );
}

interface ActionProps {
  document: DocumentView;
  changed: () => void;
  edit: () => void;
}

function Actions({ document: one, changed, edit }: ActionProps) {
  const { route } = useLocation();
  const [busy, setBusy] = useState(false);
  const params = { path: { document_id: one.id }, header: requestKey() };
  async function send(what: () => Promise<unknown>, said: string): Promise<void> {
    setBusy(true);
    try {
      await what();
      tell(said);
      changed();
    } catch (error) {
      refused(error, "Not done");
    } finally {
      setBusy(false);
    }
  }
  const remove = async () => {
    await data(DELETE(PATH, { params: { path: params.path } }));
    route(link("/documents"));
  };
  const archived = one.state === "archived";
  return (
    <div class="flex flex-wrap gap-2">
      {!archived && may("edit_document") && (
        <button class="btn-main" onClick={edit}>
          Edit
        </button>
      )}
      {!archived && one.published_version !== one.version && may("publish_document") && (
        <button class="btn" disabled={busy} onClick={() => void send(() => data(POST(`${PATH}/publish`, { params, body: {} as never })), `Version ${one.version} is published.`)}>
          Publish
        </button>
      )}
      {!archived && may("archive_document") && (
        <button class="btn" disabled={busy} onClick={() => void send(() => data(POST(`${PATH}/archive`, { params, body: {} as never })), "It is archived.")}>
          Archive
        </button>
      )}
      {archived && may("restore_document") && (
        <button class="btn" disabled={busy} onClick={() => void send(() => data(POST(`${PATH}/restore`, { params })), "It is as it was.")}>
          Restore
        </button>
      )}
      {archived && may("remove_document") && (
        <button class="btn" disabled={busy} onClick={() => void send(remove, "It is removed.")}>
          Remove
        </button>
      )}
    </div>
  );
}

function Editor({ document: one, close }: { document: DocumentView; close: () => void }) {
  const [text, setText] = useState(one.text);
  const [name, setName] = useState(one.title);
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  // What is written here was made from this one, however many others come meanwhile.
  const [from, setFrom] = useState(one.version);
  async function save(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      const body = { version: from, title: name, text, note };
      await data(PUT(PATH, { params: { path: { document_id: one.id } }, body: body as never }));
      close();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // What was written stays in the form.
      setProblem(`${error.message} ${error.remedy}`);
    } finally {
      setBusy(false);
    }
  }
  return (
    <form class="grid lg:grid-cols-2 gap-4 items-start" onSubmit={(event) => void save(event)}>
      <Panel heading="Edit">
        <label>
          <span class="label">Title</span>
          <input class="field" value={name} required minLength={3} maxLength={500} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          <span class="label">Text, in Markdown</span>
          <textarea class="area !min-h-80 font-mono" value={text} maxLength={400_000} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <label>
          <span class="label">What changed</span>
          <input class="field" value={note} maxLength={5_000} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        {problem && (
          <p role="alert" class="text-bad text-sm">
            {problem}
          </p>
        )}
        <div class="flex gap-2">
          <button class="btn-main" disabled={busy}>
            Save as version {from + 1}
          </button>
          <button type="button" class="btn" onClick={close}>
            Leave it
          </button>
        </div>
      </Panel>
      <Panel heading="Preview">
        <Markdown text={text} />
      </Panel>
      {one.version !== from && (
        <Panel heading={`Version ${one.version}, which is newer than yours`}>
          <Markdown text={one.text} />
          <button type="button" class="btn self-start" onClick={() => (setFrom(one.version), setProblem(""))}>
            I have seen it: go on from version {one.version}
          </button>
        </Panel>
      )}
    </form>
  );
}

function History({ id, newest, show }: { id: string; newest: number; show: (version: number) => void }) {
  const load = async () => ((await data(GET(`${PATH}/history`, { params: { path: { document_id: id } } }))) as { items: DocumentVersion[] }).items;
  const { value, problem } = useData(load, [id, newest]);
  return (
    <Panel heading="Versions">
      {!value && <Loading problem={problem} />}
      <ol class="m-0 p-0 list-none flex flex-col gap-2" aria-label="Versions">
        {value?.map((one) => (
          <li key={one.version} class="border border-line rounded-lg bg-raised p-3 flex flex-col gap-2 text-sm">
            <p class="flex flex-wrap gap-2 items-center">
              <button class="btn !h-7" onClick={() => show(one.version)}>
                Version {one.version}
              </button>
              <span>
                {moment(one.at, preferences.value.zone || undefined)} by {one.by}
              </span>
              {one.published_at && <span class="tag">published</span>}
              <Origin version={one} />
              <span class="text-soft">
                +{one.additions} −{one.deletions}
              </span>
            </p>
            {one.note && <p dir="auto">{one.note}</p>}
            {one.patch ? (
              <details>
                <summary class="cursor-pointer">What changed</summary>
                <Patch text={one.patch} />
              </details>
            ) : (
              one.truncated && <p class="muted">Too much changed to be compared.</p>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Origin({ version: { source } }: { version: DocumentVersion }) {
  if (source.task_id)
    return (
      <a href={link(`/t/${source.task_id}`)}>
        {source.kind === "commit" ? `landed as ${source.oid?.slice(0, 8)}` : "decided on a card"}
      </a>
    );
  if (source.document_id) return <a href={link(`/documents/${source.document_id}`)}>merged</a>;
  return null;
}

function Patch({ text }: { text: string }) {
  const lines = text.split("\n");
  return (
    <div class="overflow-x-auto" tabIndex={0} role="region" aria-label="Patch">
      <table class="diff">
        <tbody>
          {lines.slice(2).map((line, at) => (
            <tr key={at} class={line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : line.startsWith("@@") ? "hunk" : ""}>
              <td class="code">{line}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
