/** Lists that come in pages. Pure, but for what `load` does. */

interface Page<T> {
  items: readonly T[];
  next?: string | null;
}

/** All of a list, page after page; `load` is given the cursor of each but the first. */
export async function allPages<T>(load: (cursor: string | undefined) => Promise<unknown>): Promise<readonly T[]> {
  let found: readonly T[] = [];
  let cursor: string | undefined;
  do {
    const page = (await load(cursor)) as Page<T>;
    found = [...found, ...page.items];
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return found;
}
