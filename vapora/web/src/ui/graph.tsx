/** Stages as boxes with lines between them, from left to right. Below, for who cannot see the lines, each box says what it waits for. */
import type { ComponentChildren } from "preact";
import { edges, placed, type Node } from "../lib/graph";

const WIDTH = 208;
const HEIGHT = 92;
const GAP_X = 44;
const GAP_Y = 18;

interface Props<T extends Node> {
  nodes: readonly T[];
  label: string;
  /** Whether the line into this node is drawn strong. */
  strong: (from: string, to: string) => boolean;
  box: (node: T) => ComponentChildren;
}

export function Graph<T extends Node>({ nodes, label, strong, box }: Props<T>) {
  const all = placed(nodes);
  const at = new Map(all.map((one) => [one.node.name, { x: one.column * (WIDTH + GAP_X), y: one.row * (HEIGHT + GAP_Y) }]));
  const width = Math.max(...all.map((one) => one.column + 1)) * (WIDTH + GAP_X) - GAP_X;
  const height = Math.max(...all.map((one) => one.row + 1)) * (HEIGHT + GAP_Y) - GAP_Y;
  return (
    <div class="overflow-x-auto py-1" tabIndex={0} role="region" aria-label={label}>
      <div class="relative" style={{ width: `${width}px`, height: `${height}px` }}>
        <svg class="absolute inset-0" width={width} height={height} aria-hidden="true">
          {edges(nodes).map(({ from, to }) => {
            const [a, b] = [at.get(from), at.get(to)];
            if (!a || !b) return null;
            const [x, y, ex, ey] = [a.x + WIDTH, a.y + HEIGHT / 2, b.x, b.y + HEIGHT / 2];
            const bend = (ex - x) / 2;
            return (
              <path
                key={`${from}/${to}`}
                d={`M${x} ${y} C${x + bend} ${y} ${ex - bend} ${ey} ${ex} ${ey}`}
                fill="none"
                stroke={strong(from, to) ? "var(--accent)" : "var(--ink-soft)"}
                stroke-width={strong(from, to) ? 2.5 : 1.25}
                opacity={strong(from, to) ? 1 : 0.6}
              />
            );
          })}
        </svg>
        <ol class="m-0 p-0 list-none">
          {all.map(({ node }) => {
            const place = at.get(node.name);
            return (
              <li key={node.name} class="absolute" style={{ left: `${place?.x}px`, top: `${place?.y}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }}>
                {box(node)}
              </li>
            );
          })}
        </ol>
      </div>
    </div>
  );
}
