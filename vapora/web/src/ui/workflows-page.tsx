/** The frame of all pages under /workflows, and of plans: the way from one to the other. */
import type { ComponentChildren } from "preact";
import { may } from "../state/me";
import { Page } from "./page";
import { Parts } from "./parts";

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
      <Parts label="Workflows" path={path} parts={PARTS.filter(([to, , operation]) => to === path || may(operation)).map(([to, name]) => [to, name] as const)} />
      {children}
    </Page>
  );
}
