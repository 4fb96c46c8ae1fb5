/** The frame of all pages under /settings: the way from one to the other. */
import type { ComponentChildren } from "preact";
import { isAdministrator, may, me } from "../state/me";
import { Page } from "./page";
import { Parts } from "./parts";

/** Each with the operations that it is for: it is not offered to who may do none of them. */
const PARTS: readonly (readonly [string, string, () => boolean])[] = [
  ["/settings", "Preferences", () => true],
  ["/settings/profile", "Profile", () => me.value !== null && me.value.kind !== "local"],
  ["/settings/members", "Members", () => may("list_members")],
  ["/settings/teams", "Teams", () => may("list_teams")],
  ["/settings/tokens", "Tokens", () => may("list_tokens")],
  ["/settings/secrets", "Secrets", () => may("list_secrets")],
  ["/settings/policies", "Policies", () => may("get_policies")],
  ["/settings/webhooks", "Webhooks", () => may("list_webhooks")],
  ["/settings/channels", "Channels", () => may("list_channels")],
  ["/settings/trackers", "Trackers", () => may("list_trackers")],
  ["/settings/users", "Users", isAdministrator],
];

interface Props {
  heading: string;
  path: string;
  children: ComponentChildren;
  aside?: ComponentChildren;
}

export function SettingsPageFrame({ heading, path, children, aside }: Props) {
  return (
    <Page heading={heading} aside={aside}>
      <Parts label="Settings" path={path} parts={PARTS.filter(([to, , shown]) => to === path || shown()).map(([to, name]) => [to, name] as const)} />
      {children}
    </Page>
  );
}
