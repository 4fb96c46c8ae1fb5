/** Where the boxes of a graph stand: each in the column behind all that it needs, none on top of another. Pure. */

export interface Node {
  name: string;
  needs: readonly string[];
}

export interface Placed<T extends Node> {
  node: T;
  column: number;
  row: number;
}

export interface Edge {
  from: string;
  to: string;
}

/** What a node needs and is not there does not count; in a ring each stands behind those that came before it. */
export function placed<T extends Node>(nodes: readonly T[]): readonly Placed<T>[] {
  const columns = new Map<string, number>();
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const columnOf = (node: T, above: readonly string[]): number => {
    const known = columns.get(node.name);
    if (known !== undefined) return known;
    const behind = node.needs.flatMap((one) => {
      const needed = byName.get(one);
      return needed && !above.includes(one) ? [columnOf(needed, [...above, node.name]) + 1] : [];
    });
    const column = Math.max(0, ...behind);
    columns.set(node.name, column);
    return column;
  };
  const filled = new Map<number, number>();
  return nodes.map((node) => {
    const column = columnOf(node, [node.name]);
    const row = filled.get(column) ?? 0;
    filled.set(column, row + 1);
    return { node, column, row };
  });
}

/** Each need that a direct one does not say already: without the lines that only repeat a longer way. */
export function edges(nodes: readonly Node[]): readonly Edge[] {
  const needs = new Map(nodes.map((node) => [node.name, node.needs]));
  const reaches = (from: string, wanted: string, seen: Set<string>): boolean => {
    if (seen.has(from)) return false;
    seen.add(from);
    return (needs.get(from) ?? []).some((one) => one === wanted || reaches(one, wanted, seen));
  };
  return nodes.flatMap((node) =>
    node.needs
      .filter((one) => needs.has(one))
      .filter((one) => !node.needs.some((other) => other !== one && needs.has(other) && reaches(other, one, new Set([node.name]))))
      .map((one) => ({ from: one, to: node.name })),
  );
}
