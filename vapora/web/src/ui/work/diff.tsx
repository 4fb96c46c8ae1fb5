/** The patch of one file, inline or side by side, with comments on its lines. */
import { Fragment } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Comment } from "../../api/types";
import { colouring } from "../../lib/colours";
import { type FilePatch, type Line, paired } from "../../lib/patch";
import { CommentView, say } from "./comments";
import { drafts } from "./state";

type Colour = ((text: string) => string) | null;
export type Layout = "inline" | "sides";

interface Place {
  line: number;
  side: "old" | "new";
}

interface Props {
  task: string;
  head: string;
  file: FilePatch;
  layout: Layout;
  comments: readonly Comment[];
}

export function Diff({ task, head, file, layout, comments }: Props) {
  const [colour, setColour] = useState<{ of: Colour }>({ of: null });
  const [writing, setWriting] = useState<Place | null>(null);
  useEffect(() => {
    let shown = true;
    // Without colours the patch is as readable: a part that cannot be loaded is no reason to fail.
    colouring(file.path).then(
      (found) => shown && setColour({ of: found }),
      () => undefined,
    );
    return () => {
      shown = false;
    };
  }, [file.path]);
  const spread = { task, head, path: file.path, comments, writing, setWriting };
  return (
    <div class="overflow-x-auto border border-line rounded-lg" tabIndex={0} role="region" aria-label={`Patch of ${file.path}`}>
      <table class="diff">
        <caption class="sr">{file.path}</caption>
        <tbody>
          {file.hunks.map((hunk, number) => (
            <Fragment key={number}>
              <tr class="hunk">
                <td colSpan={layout === "inline" ? 3 : 4}>{hunk.heading ? `… ${hunk.heading}` : "…"}</td>
              </tr>
              {layout === "inline"
                ? hunk.lines.map((line) => (
                    <Fragment key={`${line.before}/${line.after}`}>
                      <tr class={line.kind}>
                        <Number line={line} side="old" open={setWriting} />
                        <Number line={line} side="new" open={setWriting} />
                        <Code line={line} colour={colour.of} />
                      </tr>
                      <Remarks {...spread} lines={[line]} columns={3} />
                    </Fragment>
                  ))
                : paired(hunk.lines).map(({ left, right }, row) => (
                    <Fragment key={row}>
                      <tr>
                        <Number line={left} side="old" open={setWriting} />
                        <Code line={left} colour={colour.of} kind />
                        <Number line={right} side="new" open={setWriting} />
                        <Code line={right} colour={colour.of} kind />
                      </tr>
                      <Remarks {...spread} lines={left === right ? [right] : [left, right]} columns={4} />
                    </Fragment>
                  ))}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Number({ line, side, open }: { line: Line | null; side: "old" | "new"; open: (place: Place) => void }) {
  const number = side === "old" ? line?.before : line?.after;
  if (number == null) return <td class="no" />;
  // One button a line is enough: on the new side, but for what was removed.
  const button = side === "new" || line?.kind === "removed";
  return (
    <td class="no">
      {button ? (
        <button aria-label={`Comment on ${side === "old" ? "removed " : ""}line ${number}`} onClick={() => open({ line: number, side })}>
          {number}
        </button>
      ) : (
        number
      )}
    </td>
  );
}

const SIGNS: Record<Line["kind"], string> = { same: " ", added: "+", removed: "-" };

function Code({ line, colour, kind = false }: { line: Line | null; colour: Colour; kind?: boolean }) {
  if (!line) return <td class="code none" />;
  const sign = SIGNS[line.kind];
  return (
    <td class={`code ${kind ? line.kind : ""}`}>
      <span aria-hidden="true">{sign}</span>
      {line.kind !== "same" && <span class="sr">{line.kind}: </span>}
      {/* The library escapes what it colours. */}
      {colour ? <span dangerouslySetInnerHTML={{ __html: colour(line.text) }} /> : line.text}
    </td>
  );
}

interface RemarksProps {
  task: string;
  head: string;
  path: string;
  comments: readonly Comment[];
  writing: Place | null;
  setWriting: (place: Place | null) => void;
  lines: readonly (Line | null)[];
  columns: number;
}

/** What was said on these lines, what is about to be, and the place to write. */
function Remarks({ task, head, path, comments, writing, setWriting, lines, columns }: RemarksProps) {
  const here = ({ line, side }: { line?: number | null; side: "old" | "new" }) =>
    line != null && lines.some((one) => one && (side === "old" ? one.kind === "removed" && one.before === line : one.kind !== "removed" && one.after === line));
  const said = comments.filter((one) => one.path === path && here(one));
  const draft = drafts.value.filter((one) => one.path === path && here(one));
  const open = writing !== null && here(writing);
  if (!said.length && !draft.length && !open) return null;
  return (
    <tr>
      <td colSpan={columns} class="remark">
        {said.map((one) => (
          <div key={one.id} class="border border-line rounded-lg p-2 mb-2 bg-raised">
            <CommentView comment={one} />
          </div>
        ))}
        {draft.map((one, index) => (
          <div key={index} class="border border-line rounded-lg p-2 mb-2 bg-raised flex gap-2 items-start">
            <p class="grow text-sm whitespace-pre-wrap" dir="auto">
              <span class="tag mr-1">not sent yet</span>
              {one.text}
            </p>
            <button class="btn-quiet" onClick={() => (drafts.value = drafts.value.filter((other) => other !== one))}>
              Drop
            </button>
          </div>
        ))}
        {open && writing && <Write task={task} head={head} path={path} place={writing} close={() => setWriting(null)} />}
      </td>
    </tr>
  );
}

function Write({ task, head, path, place, close }: { task: string; head: string; path: string; place: Place; close: () => void }) {
  const [text, setText] = useState("");
  async function now(): Promise<void> {
    if (await say(task, { text, path, head, ...place })) close();
  }
  return (
    <form
      class="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        drafts.value = [...drafts.value, { path, ...place, text }];
        close();
      }}
    >
      <label>
        <span class="label">
          Comment on {place.side === "old" ? "removed " : ""}line {place.line}
        </span>
        <textarea class="area" required maxLength={5_000} value={text} onInput={(event) => setText(event.currentTarget.value)} autofocus />
      </label>
      <div class="flex flex-wrap gap-2">
        <button class="btn-main" disabled={!text.trim()}>
          Add to the review
        </button>
        <button type="button" class="btn" disabled={!text.trim()} onClick={() => void now()}>
          Comment now
        </button>
        <button type="button" class="btn-quiet" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
