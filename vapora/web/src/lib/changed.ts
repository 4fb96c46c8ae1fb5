/** What somebody changed in a form; pure. */

/** The fields of `filled` that differ from what stood there when the form was begun. */
export function changed<T extends object>(before: Partial<T>, filled: T): Partial<T> {
  return Object.fromEntries(Object.entries(filled).filter(([name, value]) => (before[name as keyof T] ?? null) !== value)) as Partial<T>;
}
