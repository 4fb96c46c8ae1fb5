import { ErrorBoundary, LocationProvider, Route, Router, lazy, useLocation } from "preact-iso";
import { BoardPage } from "./pages/board";
import { OUTSIDE } from "./state/session";
import { Shell } from "./ui/shell";
import { Toasts } from "./ui/toasts";

// Only the board is loaded at once; every other page when it is opened.
const TaskPage = lazy(() => import("./pages/task").then((page) => page.TaskPage));
const AgentsPage = lazy(() => import("./pages/agents").then((page) => page.AgentsPage));
const AgentPage = lazy(() => import("./pages/agent").then((page) => page.AgentPage));
const BudgetsPage = lazy(() => import("./pages/budgets").then((page) => page.BudgetsPage));
const CostsPage = lazy(() => import("./pages/costs").then((page) => page.CostsPage));
const DashboardPage = lazy(() => import("./pages/dashboard").then((page) => page.DashboardPage));
const LogPage = lazy(() => import("./pages/log").then((page) => page.LogPage));
const MarketplacePage = lazy(() => import("./pages/marketplace").then((page) => page.MarketplacePage));
const ToolsPage = lazy(() => import("./pages/tools").then((page) => page.ToolsPage));
const SettingsPage = lazy(() => import("./pages/settings").then((page) => page.SettingsPage));
const ProfilePage = lazy(() => import("./pages/settings/profile").then((page) => page.ProfilePage));
const MembersPage = lazy(() => import("./pages/settings/members").then((page) => page.MembersPage));
const TeamsPage = lazy(() => import("./pages/settings/teams").then((page) => page.TeamsPage));
const TokensPage = lazy(() => import("./pages/settings/tokens").then((page) => page.TokensPage));
const SecretsPage = lazy(() => import("./pages/settings/secrets").then((page) => page.SecretsPage));
const PoliciesPage = lazy(() => import("./pages/settings/policies").then((page) => page.PoliciesPage));
const WebhooksPage = lazy(() => import("./pages/settings/webhooks").then((page) => page.WebhooksPage));
const UsersPage = lazy(() => import("./pages/settings/users").then((page) => page.UsersPage));
const PlansPage = lazy(() => import("./pages/plans").then((page) => page.PlansPage));
const PlanPage = lazy(() => import("./pages/plans").then((page) => page.PlanPage));
const KnowledgePage = lazy(() => import("./pages/knowledge/graph").then((page) => page.KnowledgePage));
const ExecutionsPage = lazy(() => import("./pages/knowledge/executions").then((page) => page.ExecutionsPage));
const CurvesPage = lazy(() => import("./pages/knowledge/curves").then((page) => page.CurvesPage));
const CausesPage = lazy(() => import("./pages/knowledge/causes").then((page) => page.CausesPage));
const SearchPage = lazy(() => import("./pages/search").then((page) => page.SearchPage));
const DocumentsPage = lazy(() => import("./pages/documents").then((page) => page.DocumentsPage));
const DocumentPage = lazy(() => import("./pages/document").then((page) => page.DocumentPage));
const WorkflowsPage = lazy(() => import("./pages/workflows/list").then((page) => page.WorkflowsPage));
const EditWorkflowPage = lazy(() => import("./pages/workflows/edit").then((page) => page.EditWorkflowPage));
const WorkflowRunsPage = lazy(() => import("./pages/workflows/runs").then((page) => page.WorkflowRunsPage));
const WorkflowRunPage = lazy(() => import("./pages/workflows/run").then((page) => page.WorkflowRunPage));
const SchedulesPage = lazy(() => import("./pages/workflows/schedules").then((page) => page.SchedulesPage));
const TrackersPage = lazy(() => import("./pages/settings/trackers").then((page) => page.TrackersPage));
const ChannelsPage = lazy(() => import("./pages/settings/channels").then((page) => page.ChannelsPage));
const ApprovalsPage = lazy(() => import("./pages/workflows/approvals").then((page) => page.ApprovalsPage));
const NotFound = lazy(() => import("./pages/not-found").then((page) => page.NotFound));
const SignInPage = lazy(() => import("./pages/sign-in").then((page) => page.SignInPage));
const SetUpPage = lazy(() => import("./pages/setup").then((page) => page.SetUpPage));
const AcceptPage = lazy(() => import("./pages/accept").then((page) => page.AcceptPage));

export function App() {
  return (
    <LocationProvider>
      <Pages />
      <Toasts />
    </LocationProvider>
  );
}

function Pages() {
  if (OUTSIDE.includes(useLocation().path)) {
    return (
      <ErrorBoundary>
        <Router>
          <Route path="/sign-in" component={SignInPage} />
          <Route path="/setup" component={SetUpPage} />
          <Route path="/accept" component={AcceptPage} />
        </Router>
      </ErrorBoundary>
    );
  }
  return (
    <Shell>
      <ErrorBoundary>
        <Router>
          <Route path="/" component={BoardPage} />
          <Route path="/p/:project" component={BoardPage} />
          <Route path="/p/:project/dashboard" component={DashboardPage} />
          <Route path="/dashboard" component={DashboardPage} />
          <Route path="/t/:task" component={TaskPage} />
          <Route path="/agents" component={AgentsPage} />
          <Route path="/agents/:agent" component={AgentPage} />
          <Route path="/budgets" component={BudgetsPage} />
          <Route path="/costs" component={CostsPage} />
          <Route path="/log" component={LogPage} />
          <Route path="/workflows" component={WorkflowsPage} />
          <Route path="/workflows/new" component={EditWorkflowPage} />
          <Route path="/workflows/edit/:workflow" component={EditWorkflowPage} />
          <Route path="/workflows/runs" component={WorkflowRunsPage} />
          <Route path="/workflows/runs/:run" component={WorkflowRunPage} />
          <Route path="/workflows/approvals" component={ApprovalsPage} />
          <Route path="/workflows/schedules" component={SchedulesPage} />
          <Route path="/plans" component={PlansPage} />
          <Route path="/plans/:plan" component={PlanPage} />
          <Route path="/knowledge" component={KnowledgePage} />
          <Route path="/knowledge/executions" component={ExecutionsPage} />
          <Route path="/knowledge/curves" component={CurvesPage} />
          <Route path="/knowledge/causes" component={CausesPage} />
          <Route path="/search" component={SearchPage} />
          <Route path="/documents" component={DocumentsPage} />
          <Route path="/documents/:document" component={DocumentPage} />
          <Route path="/marketplace" component={MarketplacePage} />
          <Route path="/tools" component={ToolsPage} />
          <Route path="/settings" component={SettingsPage} />
          <Route path="/settings/profile" component={ProfilePage} />
          <Route path="/settings/members" component={MembersPage} />
          <Route path="/settings/teams" component={TeamsPage} />
          <Route path="/settings/tokens" component={TokensPage} />
          <Route path="/settings/secrets" component={SecretsPage} />
          <Route path="/settings/policies" component={PoliciesPage} />
          <Route path="/settings/webhooks" component={WebhooksPage} />
          <Route path="/settings/trackers" component={TrackersPage} />
          <Route path="/settings/channels" component={ChannelsPage} />
          <Route path="/settings/users" component={UsersPage} />
          <Route default component={NotFound} />
        </Router>
      </ErrorBoundary>
    </Shell>
  );
}
