/** The graph around a thing, as a picture that one walks: the first node on the left, each step one column further. Arrow keys go from node to node. */
import { useRef, useState } from "preact/hooks";
import type { GraphNode, KnowledgeGraph } from "../api/types";
import { said, spots, stepped } from "../lib/walk";
import { title } from "../lib/format";

const WIDTH = 196;
const HEIGHT = 46;
const GAP_X = 56;
const GAP_Y = 12;
const PAD = 4;

const COLOURS: Record<string, string> = {
  task: "#6366f1", run: "#0d9488", agent: "#d97706", person: "#db2777", project: "#475569", file: "#65a30d",
  decision: "#9333ea", artifact: "#0284c7", document: "#0284c7", problem: "#dc2626", cause: "#d97706", solution: "#16a34a",
};

interface Props {
  graph: KnowledgeGraph;
  chosen: string;
  choose: (name: string) => void;
  walk: (name: string) => void;
}

export const nameOf = (node: GraphNode): string => node.title || node.id;

export function Walk({ graph, chosen, choose, walk }: Props) {
  const at = spots(graph.nodes, graph.edges);
  const box = useRef<HTMLOListElement>(null);
  const [focused, setFocused] = useState(graph.start);
  const columns = Math.max(0, ...[...at.values()].map((one) => one.column)) + 1;
  const rows = Math.max(0, ...[...at.values()].map((one) => one.row)) + 1;
  const place = (name: string) => {
    const spot = at.get(name) ?? { column: 0, row: 0 };
    return { x: PAD + spot.column * (WIDTH + GAP_X), y: PAD + spot.row * (HEIGHT + GAP_Y) };
  };
  const width = columns * (WIDTH + GAP_X) - GAP_X + 2 * PAD;
  const height = rows * (HEIGHT + GAP_Y) - GAP_Y + 2 * PAD;
  function key(event: KeyboardEvent, name: string): void {
    const next = stepped(name, event.key, at);
    if (next === null) return;
    event.preventDefault();
    setFocused(next);
    choose(next);
    box.current?.querySelector<HTMLElement>(`[data-node="${CSS.escape(next)}"]`)?.focus();
  }
  // Tab reaches the picture once; the arrows go on from there.
  const first = graph.nodes.some((one) => one.name === focused) ? focused : graph.start;
  return (
    <div class="overflow-auto max-h-160" role="region" aria-label="Graph" tabIndex={0}>
      <div class="relative" style={{ width: `${width}px`, height: `${height}px` }}>
        <svg class="absolute inset-0" width={width} height={height} aria-hidden="true">
          {graph.edges.map((edge) => {
            const [a, b] = [place(edge.source), place(edge.target)].sort((one, other) => one.x - other.x) as [{ x: number; y: number }, { x: number; y: number }];
            const same = a.x === b.x;
            const [x, y, ex, ey] = [a.x + WIDTH, a.y + HEIGHT / 2, same ? b.x + WIDTH : b.x, b.y + HEIGHT / 2];
            const bend = same ? 40 : (ex - x) / 2;
            const strong = edge.source === chosen || edge.target === chosen;
            return (
              <path
                key={`${edge.source}/${edge.kind}/${edge.target}`}
                d={`M${x} ${y} C${x + bend} ${y} ${same ? ex + bend : ex - bend} ${ey} ${ex} ${ey}`}
                fill="none"
                stroke={strong ? "var(--accent)" : "var(--ink-soft)"}
                stroke-width={strong ? 2.5 : 1}
                opacity={strong ? 1 : 0.4}
              />
            );
          })}
        </svg>
        <ol class="m-0 p-0 list-none" ref={box}>
          {graph.nodes.map((node) => {
            const { x, y } = place(node.name);
            return (
              <li key={node.name} class="absolute" style={{ left: `${x}px`, top: `${y}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }}>
                <button
                  type="button"
                  data-node={node.name}
                  tabIndex={node.name === first ? 0 : -1}
                  aria-pressed={node.name === chosen}
                  class={`w-full h-full text-start bg-raised border rounded-lg px-2 py-1 text-xs overflow-hidden cursor-pointer ${node.name === chosen ? "border-accent" : "border-line"}`}
                  style={{ borderInlineStart: `4px solid ${COLOURS[node.kind] ?? "var(--line)"}` }}
                  onClick={() => choose(node.name)}
                  onDblClick={() => walk(node.name)}
                  onFocus={() => setFocused(node.name)}
                  onKeyDown={(event) => key(event, node.name)}
                  title={nameOf(node)}
                >
                  <span class="block text-soft">
                    {title(node.kind)}
                    {node.state ? `, ${node.state}` : ""}
                    {node.more ? " …" : ""}
                  </span>
                  <span class="block truncate" dir="auto">
                    {nameOf(node)}
                  </span>
                </button>
              </li>
            );
          })}
        </ol>
      </div>
    </div>
  );
}

/** What is known of the chosen node, in sentences, and the ways on. */
export function Around({ graph, chosen, choose }: { graph: KnowledgeGraph; chosen: string; choose: (name: string) => void }) {
  const nodes = new Map(graph.nodes.map((one) => [one.name, one]));
  const named = (name: string) => {
    const node = nodes.get(name);
    return node ? `${title(node.kind)} ${nameOf(node)}` : name;
  };
  return (
    <ul class="m-0 pl-5 text-sm flex flex-col gap-1" aria-label="What hangs together with it">
      {said(chosen, graph.edges).map((edge) => {
        const other = edge.source === chosen ? edge.target : edge.source;
        return (
          <li key={`${edge.source}/${edge.kind}/${edge.target}`} class="break-words">
            {edge.source === chosen ? `${edge.kind.replaceAll("-", " ")}: ` : ""}
            <button type="button" class="bg-transparent border-0 p-0 underline cursor-pointer text-ink text-start" onClick={() => choose(other)}>
              {named(other)}
            </button>
            {edge.source === chosen ? "" : ` ${edge.kind.replaceAll("-", " ")} it`}
          </li>
        );
      })}
    </ul>
  );
}
