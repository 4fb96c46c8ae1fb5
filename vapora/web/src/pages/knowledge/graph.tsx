/** The graph: begun at a card, and walked from there. */
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { data, GET, link } from "../../api/client";
import type { Execution, GraphNode, KnowledgeGraph } from "../../api/types";
import { title } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { KnowledgeFrame } from "../../ui/knowledge-page";
import { Loading, Panel } from "../../ui/page";
import { Around, nameOf, Walk } from "../../ui/walk";

/** Where the walk begins: as the address says, else at the card of the newest execution. */
async function begin(node: string): Promise<string | null> {
  if (node) return node;
  const newest = (await data(GET("/api/v1/knowledge/executions", { params: { query: { limit: 1 } } }))) as { items: Execution[] };
  return newest.items[0] ? `task:${newest.items[0].task}` : null;
}

export function KnowledgePage() {
  const { query, route } = useLocation();
  const node = query.node ?? "";
  const depth = Math.min(4, Math.max(1, Number(query.depth) || 2));
  const { value, problem } = useData(async () => {
    const start = await begin(node);
    if (start === null) return { graph: null };
    return { graph: (await data(GET("/api/v1/knowledge/graph", { params: { query: { node: start, depth } } }))) as KnowledgeGraph };
  }, [node, depth]);
  const walk = (name: string, far = depth) => route(link(`/knowledge?node=${encodeURIComponent(name)}&depth=${far}`));
  return (
    <KnowledgeFrame heading="Knowledge" path="/knowledge">
      {!value ? (
        <Loading problem={problem} />
      ) : !value.graph ? (
        <p class="glass frosted p-4 text-sm">Nothing is known yet: the first run makes a beginning.</p>
      ) : (
        <Walked key={`${value.graph.start}/${value.graph.depth}`} graph={value.graph} walk={walk} />
      )}
    </KnowledgeFrame>
  );
}

function Walked({ graph, walk }: { graph: KnowledgeGraph; walk: (name: string, depth?: number) => void }) {
  const [chosen, setChosen] = useState(graph.start);
  const node = graph.nodes.find((one) => one.name === chosen) ?? graph.nodes[0];
  return (
    <>
      <Panel heading="What hangs together">
        <div class="flex flex-wrap gap-2 items-center">
          <label class="text-sm">
            Steps far{" "}
            <select class="field !w-auto" value={String(graph.depth)} onChange={(event) => walk(graph.start, Number(event.currentTarget.value))}>
              {[1, 2, 3, 4].map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <span class="muted">
            {graph.nodes.length} things, {graph.edges.length} edges. Arrow keys go from one to the next.
          </span>
        </div>
        <Walk graph={graph} chosen={chosen} choose={setChosen} walk={walk} />
      </Panel>
      {node && (
        <Panel heading={`${title(node.kind)}: ${nameOf(node)}`}>
          <div class="flex flex-wrap gap-2">
            {node.name !== graph.start && (
              <button type="button" class="btn" onClick={() => walk(node.name)}>
                Walk on from here
              </button>
            )}
            <Open node={node} />
          </div>
          <Around graph={graph} chosen={node.name} choose={setChosen} />
        </Panel>
      )}
    </>
  );
}

function Open({ node }: { node: GraphNode }) {
  const to: Record<string, string> = { task: `/t/${node.id}`, agent: `/agents/${node.id}`, project: `/p/${node.id}`, run: `/t/${node.id.split(".")[0]}`, document: `/documents/${node.id}` };
  const path = to[node.kind];
  return path ? (
    <a class="btn no-underline" href={link(path)}>
      Open it
    </a>
  ) : null;
}
