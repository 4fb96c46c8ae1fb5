/** The frame of all pages under /workflows, and of plans: the way from one to the other. */
import type { ComponentChildren } from "preact";
import { link } from "../api/client";
import { may } from "../state/me";
import { Page } from "./page";

const PARTS: readonly (readonly [string, string, string])[] = [
  ["/workflows", "Workflows", "list_workflows"],
  ["/workflows/runs", "Runs", "list_workflow_runs"],
  ["/workflows/approvals", "Approvals", "list_approvals"],
  ["/workflows/schedules", "Schedules", "list_schedules"],
  ["/plans", "Plans", "list_plans"],
];

interface Props {
  heading: string;
  path: string;
  children: ComponentChildren;
  aside?: ComponentChildren;
}

export function WorkflowsFrame({ heading, path, children, aside }: Props) {
  return (
    <Page heading={heading} aside={aside}>
      <nav aria-label="Workflows" class="flex gap-1 overflow-x-auto border-b border-line pb-2">
        {PARTS.filter(([to, , operation]) => to === path || may(operation)).map(([to, name]) => (
          <a
            key={to}
            href={link(to)}
            aria-current={to === path ? "page" : undefined}
            class={`px-2.5 py-1 rounded-lg text-sm no-underline whitespace-nowrap ${to === path ? "bg-raised text-ink font-semibold" : "text-soft"}`}
          >
            {name}
          </a>
        ))}
      </nav>
      {children}
    </Page>
  );
}
