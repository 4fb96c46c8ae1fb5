/** Where the nodes of a walk stand: a column for each distance from the first, and where a key leads from one. Pure. */

export interface WalkNode {
  name: string;
  distance: number;
}

export interface WalkEdge {
  source: string;
  kind: string;
  target: string;
}

export interface Spot {
  column: number;
  row: number;
}

/** Each in the column of its distance; in it, beside those of the column before that it hangs together with. */
export function spots(nodes: readonly WalkNode[], edges: readonly WalkEdge[]): Map<string, Spot> {
  const found = new Map<string, Spot>();
  const depth = Math.max(0, ...nodes.map((one) => one.distance));
  for (let column = 0; column <= depth; column += 1) {
    const weights = new Map<string, number>();
    for (const { name } of nodes.filter((one) => one.distance === column)) {
      const rows = edges.flatMap(({ source, target }) => {
        const other = source === name ? target : target === name ? source : null;
        const spot = other === null ? undefined : found.get(other);
        return spot?.column === column - 1 ? [spot.row] : [];
      });
      weights.set(name, rows.length ? rows.reduce((sum, row) => sum + row, 0) / rows.length : 0);
    }
    [...weights].sort((a, b) => a[1] - b[1]).forEach(([name], row) => found.set(name, { column, row }));
  }
  return found;
}

/** The node that an arrow key leads to: up and down in its column, left and right to the next one. */
export function stepped(from: string, key: string, at: ReadonlyMap<string, Spot>): string | null {
  const here = at.get(from);
  if (!here) return null;
  const by: Record<string, [number, number]> = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  const step = by[key];
  if (!step) return null;
  const column = here.column + step[0];
  const inColumn = [...at].filter(([, spot]) => spot.column === column);
  const wanted = here.row + step[1];
  const best = step[0] ? inColumn.sort((a, b) => Math.abs(a[1].row - wanted) - Math.abs(b[1].row - wanted))[0] : inColumn.find(([, spot]) => spot.row === wanted);
  return best?.[0] ?? null;
}

/** What hangs together with a node, each as a sentence of three parts. */
export function said(name: string, edges: readonly WalkEdge[]): readonly WalkEdge[] {
  return edges.filter(({ source, target }) => source === name || target === name);
}
