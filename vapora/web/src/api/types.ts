import type { components } from "./schema";

type Schemas = components["schemas"];

export type Card = Schemas["BoardCard"];
export type Task = Schemas["TaskCard"];
export type Board = Schemas["Board"];
export type Run = Schemas["Execution"];
export type Step = Schemas["Step"];
export type Changes = Schemas["Changes"];
export type Comment = Schemas["Comment"];
export type Attachment = Schemas["Attachment"];
export type Attempt = Schemas["Attempt"];
export type Decision = Schemas["Decision"];
export type Agent = Schemas["Agent"];
export type Learning = Schemas["Learning"];
export type Project = Schemas["Project"];
export type Budget = Schemas["BudgetView"];
export type Cost = Schemas["Cost"];
export type Role = Schemas["Role"];
export type LogEvent = Schemas["EventView"];
export type AuditEntry = Schemas["AuditEntry"];
export type Health = Schemas["Health"];
export type SavedPreferences = Schemas["Preferences"];
export type Settings = Schemas["WorkspaceSettings"];
export type Dashboard = Schemas["Dashboard"];
export type Pause = Schemas["PauseView"];
export type SignInStatus = Schemas["SignInStatus"];
export type Me = Schemas["Me"];
export type User = Schemas["UserView"];
export type Member = Schemas["Member"];
export type Invitation = Schemas["InvitationView"];
export type Team = Schemas["TeamView"];
export type Token = Schemas["TokenView"];
export type Policies = Schemas["Policies"];
export type Secret = Schemas["Secret"];
export type Webhook = Schemas["WebhookView"];
export type Delivery = Schemas["WebhookDelivery"];
export type Plan = Schemas["PlanView"];
export type PlanSummary = Schemas["PlanSummary"];
export type ProposedCard = Schemas["ProposedCard"];
export type Workflow = Schemas["WorkflowSummary"];
export type WorkflowDefinition = Schemas["WorkflowView"];
export type WorkflowRun = Schemas["WorkflowRunSummary"];
export type WorkflowRunView = Schemas["WorkflowRunView"];
export type Stage = Schemas["StageView"];
export type Approval = Schemas["ApprovalView"];
export type Fault = Schemas["WorkflowFault"];
export type Schedule = Schemas["ScheduleView"];
export type Firing = Schemas["FiringView"];
export type Tracker = Schemas["TrackerView"];
export type TrackerStatus = Schemas["TrackerStatus"];
export type CardLink = Schemas["CardLink"];
export type Channel = Schemas["ChannelView"];
export type ChannelDelivery = Schemas["ChannelDelivery"];
export type Execution = Schemas["ExecutionRecord"];
export type KnowledgeCurves = Schemas["Curves"];
export type KnowledgeGraph = Schemas["Graph"];
export type GraphNode = Schemas["GraphNode"];
export type Relation = Schemas["RelationView"];
export type Effect = Schemas["Effect"];
export type DocumentSummary = Schemas["DocumentSummary"];
export type DocumentView = Schemas["DocumentView"];
export type DocumentVersion = Schemas["DocumentVersion"];
export type DuplicatePair = Schemas["DuplicatePair"];
export type Documentation = Schemas["DocumentationView"];
export type MemberRole = Schemas["MemberRole"];
export type Problem = Schemas["Problem"];
export type State = Card["state"];

/** The columns of the board, in their order from left to right. */
export const COLUMNS = ["todo", "in-progress", "review", "done", "failed"] as const;
export type Column = (typeof COLUMNS)[number];

export const HEADINGS: Record<Column, string> = {
  todo: "To do",
  "in-progress": "In progress",
  review: "Review",
  done: "Done",
  failed: "Failed",
};

/** One position of the log that changed something that is shown. */
export type Frame = Schemas["Frame"];
export type Change = Frame["rows"][number];
export type LiveRequest = Schemas["LiveRequest"];

export type Found = Schemas["SearchAnswer"];
export type FoundItem = Schemas["FoundItem"];
export type PackageSummary = Schemas["PackageSummary"];
export type PackageView = Schemas["PackageView"];
export type ToolServer = Schemas["ToolServerStatus"];
export type ServedTool = Schemas["ServedToolView"];
export type ToolCalled = Schemas["ToolCalled"];
