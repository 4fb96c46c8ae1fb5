import { ErrorBoundary, LocationProvider, Route, Router, lazy } from "preact-iso";
import { BoardPage } from "./pages/board";
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
const SettingsPage = lazy(() => import("./pages/settings").then((page) => page.SettingsPage));
const NotFound = lazy(() => import("./pages/not-found").then((page) => page.NotFound));

export function App() {
  return (
    <LocationProvider>
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
            <Route path="/marketplace" component={MarketplacePage} />
            <Route path="/settings" component={SettingsPage} />
            <Route default component={NotFound} />
          </Router>
        </ErrorBoundary>
      </Shell>
      <Toasts />
    </LocationProvider>
  );
}
