/** A patch as git writes it, taken apart for display. Pure. */

export type LineKind = "same" | "added" | "removed";

/** `before` and `after` are line numbers; null on the side where the line does not stand. */
export interface Line {
  kind: LineKind;
  before: number | null;
  after: number | null;
  text: string;
}

export interface Hunk {
  heading: string;
  lines: readonly Line[];
}

export interface FilePatch {
  path: string;
  hunks: readonly Hunk[];
}

/** A row of the view with two sides; null where a side has nothing. */
export interface Pair {
  left: Line | null;
  right: Line | null;
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/;
const KINDS: Record<string, LineKind> = { " ": "same", "+": "added", "-": "removed" };

/** The patch of several files, in git's order. Lines that are none of a hunk (modes, index) are left out. */
export function parse(patch: string): readonly FilePatch[] {
  const files: { path: string; hunks: { heading: string; lines: Line[] }[] }[] = [];
  let before = 0;
  let after = 0;
  let open = false;
  for (const line of patch.split("\n")) {
    const file = files.at(-1);
    if (line.startsWith("diff --git ")) {
      files.push({ path: fromHeader(line), hunks: [] });
      open = false;
      continue;
    }
    if (!file) continue;
    const start = HUNK.exec(line);
    if (start) {
      before = Number(start[1]);
      after = Number(start[2]);
      file.hunks.push({ heading: (start[3] ?? "").trim(), lines: [] });
      open = true;
      continue;
    }
    if (!open) {
      if (line.startsWith("+++ ") && line !== "+++ /dev/null") file.path = unquoted(line.slice(4), "b/");
      else if (line.startsWith("--- ") && line !== "--- /dev/null") file.path = unquoted(line.slice(4), "a/");
      else if (line.startsWith("rename to ")) file.path = unquoted(line.slice(10), "");
      continue;
    }
    const kind = KINDS[line[0] ?? ""];
    if (!kind) continue; // "\ No newline at end of file"
    file.hunks.at(-1)?.lines.push({
      kind,
      before: kind === "added" ? null : before++,
      after: kind === "removed" ? null : after++,
      text: line.slice(1),
    });
  }
  return files;
}

/** What was removed stands beside what took its place. */
export function paired(lines: readonly Line[]): readonly Pair[] {
  const rows: Pair[] = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index] as Line;
    if (line.kind === "same") {
      rows.push({ left: line, right: line });
      index += 1;
      continue;
    }
    const removed: Line[] = [];
    const added: Line[] = [];
    for (; lines[index] && lines[index]?.kind !== "same"; index += 1) {
      const one = lines[index] as Line;
      (one.kind === "removed" ? removed : added).push(one);
    }
    for (let row = 0; row < Math.max(removed.length, added.length); row += 1) rows.push({ left: removed[row] ?? null, right: added[row] ?? null });
  }
  return rows;
}

/** `diff --git a/x b/x`: both names are equal where no other line tells the path. */
function fromHeader(line: string): string {
  const names = line.slice("diff --git ".length);
  if (names.startsWith('"')) return unquoted(names.slice(0, names.indexOf('"', 1) + 1), "a/");
  return names.slice(2, (names.length + 1) / 2 - 0.5);
}

/** Git quotes names with odd characters as C does, bytes of UTF-8 in octal. */
function unquoted(name: string, prefix: string): string {
  const trimmed = name.replace(/\t$/, "");
  const plain = trimmed.startsWith('"') ? fromC(trimmed.slice(1, -1)) : trimmed;
  return plain.startsWith(prefix) ? plain.slice(prefix.length) : plain;
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", a: "\x07" };

function fromC(text: string): string {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const [whole, octal, letter] of text.matchAll(/\\(?:([0-7]{3})|(.))|[^\\]+/gu)) {
    if (octal) bytes.push(Number.parseInt(octal, 8));
    else bytes.push(...encoder.encode(letter ? (ESCAPES[letter] ?? letter) : whole));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}
