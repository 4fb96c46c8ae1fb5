/** Who uses this page, and what they may do in the workspace that it shows. */
import { signal } from "@preact/signals";
import { data, GET, workspace } from "../api/client";
import { ApiError } from "../api/error";
import type { Me } from "../api/types";
import { operatorToken } from "./operator";
import { isSignedIn, OUTSIDE } from "./session";

/** Null until the server has said so. */
export const me = signal<Me | null>(null);
/** The workspace of the address is not there for this person. */
export const noWorkspace = signal(false);
/** Whether pages may be drawn: who signed in is not shown for a moment what they may not do. */
export const ready = signal(!isSignedIn());

async function load(): Promise<void> {
  try {
    me.value = await data(GET("/api/v1/auth/me"));
    const { kind, workspaces = [] } = me.value as Me;
    if (kind === "user" && !workspaces.some((one) => one.workspace_id === workspace)) stray(workspaces);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) noWorkspace.value = true;
    // Without an answer nothing is hidden: the server refuses what is not allowed, and says why.
  } finally {
    ready.value = true;
  }
}

/** Without a workspace in the address one's own is meant, and not the one that happens to be called so. */
function stray(workspaces: NonNullable<Me["workspaces"]>): void {
  const first = workspaces.find((one) => !one.archived) ?? workspaces[0];
  const named = new URLSearchParams(location.search).has("w");
  if (first && !named) location.replace(`${location.pathname}?w=${first.workspace_id}`);
  else noWorkspace.value = true;
}

/** Resolved once it is known who asks; never on the pages for who is not signed in. */
export const entered: Promise<void> = OUTSIDE.includes(location.pathname) ? new Promise(() => undefined) : load();
export const reload = load;

/** Whether to offer an operation, by its name in the API. */
export const may = (...operations: readonly string[]): boolean => {
  const known = me.value;
  return known === null || known.kind !== "user" || !known.actions?.length || operations.some((one) => known.actions?.includes(one));
};

/** What has commands run needs more than to be at this machine, while nobody signs in. */
export const needsOperator = (): boolean => me.value?.kind === "local" && !operatorToken.value;
export const isAdministrator = (): boolean => me.value !== null && (me.value.administrator || me.value.kind !== "user");
