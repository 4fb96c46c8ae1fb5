/** The frame of all pages under /knowledge: the way from one to the other. */
import type { ComponentChildren } from "preact";
import { Page } from "./page";
import { Parts } from "./parts";

const PARTS = [
  ["/knowledge", "Graph"],
  ["/knowledge/executions", "Executions"],
  ["/knowledge/curves", "Curves"],
  ["/knowledge/causes", "Causes"],
] as const;

export function KnowledgeFrame({ heading, path, children }: { heading: string; path: string; children: ComponentChildren }) {
  return (
    <Page heading={heading}>
      <Parts label="Knowledge" path={path} parts={PARTS} />
      {children}
    </Page>
  );
}
