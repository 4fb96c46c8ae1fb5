/** What the person prefers, and what is set for the whole workspace. */
import { useState } from "preact/hooks";
import { data, GET, PUT, workspace } from "../api/client";
import type { Settings } from "../api/types";
import { changed } from "../lib/changed";
import { useConnection } from "../lib/use-data";
import { may, me } from "../state/me";
import { NOTICES, prefer, preferences, THEMES } from "../state/preferences";
import { settings, take } from "../state/settings";
import { refused, tell } from "../state/toasts";
import { Panel } from "../ui/page";
import { SettingsPageFrame } from "../ui/settings-page";
import { WorkspaceEnd } from "../ui/workspace-end";

const THEME: Record<(typeof THEMES)[number], string> = {
  system: "as this computer is set",
  light: "light",
  dark: "dark",
};
const NOTICE: Record<(typeof NOTICES)[number], string> = {
  review: "waits for a review",
  done: "is done",
  failed: "has failed",
};

export function SettingsPage() {
  useConnection();
  return (
    <SettingsPageFrame heading="Settings" path="/settings">
      <Look />
      <Notices />
      <Workspace />
      <Panel heading="For programs">
        {me.value?.kind === "user" ? (
          <button class="btn self-start" onClick={() => void download()}>
            Download the OpenAPI document
          </button>
        ) : (
          <p class="text-sm">
            <a href="/docs">All of the API</a>, as one page, and as an <a href="/openapi.json">OpenAPI document</a>.
          </p>
        )}
      </Panel>
      <WorkspaceEnd />
    </SettingsPageFrame>
  );
}

/** A link would carry no token. */
async function download(): Promise<void> {
  try {
    const url = URL.createObjectURL((await data(GET("/openapi.json" as never, { parseAs: "blob" } as never))) as Blob);
    Object.assign(document.createElement("a"), { href: url, download: "openapi.json" }).click();
    URL.revokeObjectURL(url);
  } catch (error) {
    refused(error, "Not downloaded");
  }
}

function Look() {
  const now = preferences.value;
  return (
    <Panel heading="How it looks">
      <fieldset class="border-0 p-0 m-0 flex flex-wrap gap-x-5 gap-y-1">
        <legend class="label">Theme</legend>
        {THEMES.map((theme) => (
          <label key={theme} class="flex gap-2 items-center text-sm">
            <input type="radio" name="theme" checked={now.theme === theme} onChange={() => prefer({ theme })} />
            {THEME[theme]}
          </label>
        ))}
      </fieldset>
      <label class="flex gap-2 items-center text-sm">
        <input
          type="checkbox"
          checked={now.density === "compact"}
          onChange={(event) => prefer({ density: event.currentTarget.checked ? "compact" : "comfortable" })}
        />
        Compact
      </label>
      <label class="max-w-80">
        <span class="label">Time zone</span>
        <select class="field" value={now.zone} onChange={(event) => prefer({ zone: event.currentTarget.value })}>
          <option value="">of this computer</option>
          {Intl.supportedValuesOf("timeZone").map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
    </Panel>
  );
}

function Notices() {
  const now = preferences.value.notifications;
  return (
    <Panel heading="What you are told">
      <fieldset class="border-0 p-0 m-0 flex flex-wrap gap-x-5 gap-y-1">
        <legend class="label">While you do not look at the board, say when a card…</legend>
        {NOTICES.map((state) => (
          <label key={state} class="flex gap-2 items-center text-sm">
            <input
              type="checkbox"
              checked={now.includes(state)}
              onChange={() =>
                prefer({ notifications: NOTICES.filter((one) => (one === state ? !now.includes(one) : now.includes(one))) })
              }
            />
            {NOTICE[state]}
          </label>
        ))}
      </fieldset>
      <DesktopNotices />
    </Panel>
  );
}

function DesktopNotices() {
  const [permission, setPermission] = useState("Notification" in window ? Notification.permission : "denied");
  if (permission !== "default") return null;
  return (
    <button class="btn self-start" onClick={() => void Notification.requestPermission().then(setPermission)}>
      Also outside of this page
    </button>
  );
}

function Workspace() {
  const [busy, setBusy] = useState(false);
  // What stood there when somebody began to fill in the form: what others change meanwhile must not take it away.
  const [begun, setBegun] = useState<Settings | null>(null);
  const now = settings.value;
  const shown = begun ?? now;

  async function save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const filled = {
      name: String(form.get("name")).trim(),
      default_review: form.get("review") as Settings["default_review"],
      default_priority: Number(form.get("priority")),
      most_runs: form.get("most_runs") ? Number(form.get("most_runs")) : null,
    };
    const knowledge = {
      details_days: Number(form.get("details_days")),
      daily_days: Number(form.get("daily_days")),
      in_briefs: form.get("in_briefs") as Settings["knowledge"]["in_briefs"],
    };
    // Another person's change of another field is kept, and so is what is set through the API alone.
    const { position: _, ...held } = now;
    const body = { ...held, ...changed(shown, filled), knowledge: { ...now.knowledge, ...changed(shown.knowledge, knowledge) } };
    setBusy(true);
    try {
      const saved = await data(PUT("/api/v1/settings", { body: body as never }));
      if (saved) take(saved);
      setBegun(null);
      tell("The settings of the workspace are saved.");
    } catch (error) {
      refused(error, "Not saved");
    } finally {
      setBusy(false);
    }
  }

  return (
    <Panel heading="The workspace">
      {/* Made anew when somebody else has changed it, unless it is being filled in. */}
      <form key={shown.position} onInput={() => setBegun(shown)} class="grid gap-3 sm:grid-cols-3 items-end" onSubmit={(event) => void save(event as unknown as SubmitEvent)}>
        <label>
          <span class="label">Name</span>
          <input class="field" name="name" maxLength={200} defaultValue={shown.name} placeholder={workspace} />
        </label>
        <label>
          <span class="label">Review of a new card</span>
          <select class="field" name="review" defaultValue={shown.default_review}>
            {[["human", "by a person"], ["agent", "by another agent"], ["none", "none: a good run is done"]].map(([key, text]) => (
              <option key={key} value={key} selected={key === shown.default_review}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="label">Priority of a new card</span>
          <input class="field" name="priority" type="number" min={0} max={100} required defaultValue={String(shown.default_priority)} />
        </label>
        <label>
          <span class="label">Runs at once</span>
          <input class="field" name="most_runs" type="number" min={1} defaultValue={shown.most_runs == null ? "" : String(shown.most_runs)} placeholder="no limit" />
        </label>
        <label>
          <span class="label">Agents are told of past work</span>
          <select class="field" name="in_briefs" defaultValue={shown.knowledge.in_briefs}>
            <option value="on">always</option>
            <option value="half">every other run, to compare</option>
            <option value="off">never</option>
          </select>
        </label>
        <label>
          <span class="label">Days that executions are remembered in detail</span>
          <input class="field" name="details_days" type="number" min={1} max={3650} required defaultValue={String(shown.knowledge.details_days)} />
        </label>
        <label>
          <span class="label">Days that causes and curves are</span>
          <input class="field" name="daily_days" type="number" min={1} max={3650} required defaultValue={String(shown.knowledge.daily_days)} />
        </label>
        {may("set_settings") && (
          <button class="btn-main justify-self-start" disabled={busy}>
            {busy ? "Saving…" : "Save"}
          </button>
        )}
      </form>
    </Panel>
  );
}
