/** The steps of a run, as they were read and as frames change them. Pure. */
import type { Change, Step } from "../api/types";

/** `bare`: it came by a frame, which has no texts. */
export interface ShownStep extends Step {
  bare?: boolean;
}

type StepChange = Extract<Change, { view: "step" }>;

/** Of each step, the newest change alone. */
export function latest(changes: readonly Change[]): readonly Change[] {
  const found = new Map<string, Change>();
  for (const one of changes) {
    const before = found.get(one.key);
    if (!before || before.row.position <= one.row.position) found.set(one.key, one);
  }
  return [...found.values()];
}

/** In the order of the list: `at` is where a step began, and an answer stands where it came. */
export function merged(steps: readonly Step[], changes: readonly Change[]): readonly ShownStep[] {
  const found = new Map<string, ShownStep>(steps.map((one) => [one.id, one]));
  for (const { operation, row } of changes as readonly StepChange[]) {
    const id = row.id.slice(row.run_id.length + 1);
    const before = found.get(id);
    if (before && before.position >= row.position) continue;
    if (operation === "remove") found.delete(id);
    else found.set(id, { ...row, id, bare: true });
  }
  return [...found.values()].sort((one, other) => compare(one.cursor, other.cursor));
}

function compare(one: string, other: string): number {
  const [at = 0, part = 0] = one.split(".").map(Number);
  const [otherAt = 0, otherPart = 0] = other.split(".").map(Number);
  return at - otherAt || part - otherPart;
}

/** The cursor whose page begins with this step. */
export function justBefore(cursor: string): string {
  const [at = 0, part = 0] = cursor.split(".").map(Number);
  return part > 0 ? `${at}.${part - 1}` : `${Math.max(0, at - 1)}.999999`;
}
