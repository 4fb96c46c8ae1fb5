import { useConnection } from "../lib/use-data";
import { prefer, preferences } from "../state/preferences";
import { Page, Panel } from "../ui/page";

const THEMES = [
  ["system", "as this computer is set"],
  ["light", "light"],
  ["dark", "dark"],
] as const;

export function SettingsPage() {
  useConnection();
  const now = preferences.value;
  const zones = Intl.supportedValuesOf("timeZone");
  return (
    <Page heading="Settings">
      <Panel heading="How it looks">
        <p class="muted">Kept in this browser.</p>
        <fieldset class="border-0 p-0 m-0 flex flex-col gap-1">
          <legend class="label">Theme</legend>
          {THEMES.map(([theme, text]) => (
            <label key={theme} class="flex gap-2 items-center text-sm">
              <input type="radio" name="theme" checked={now.theme === theme} onChange={() => prefer({ theme })} />
              {text}
            </label>
          ))}
        </fieldset>
        <label class="flex gap-2 items-center text-sm">
          <input type="checkbox" checked={now.density === "compact"} onChange={(event) => prefer({ density: event.currentTarget.checked ? "compact" : "comfortable" })} />
          Compact
        </label>
        <label class="max-w-80">
          <span class="label">Time zone</span>
          <select class="field" value={now.zone} onChange={(event) => prefer({ zone: event.currentTarget.value })}>
            <option value="">of this computer</option>
            {zones.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </Panel>
      <Panel heading="For programs">
        <p class="text-sm">
          <a href="/docs">All of the API</a>, as one page, and as an <a href="/openapi.json">OpenAPI document</a>.
        </p>
      </Panel>
    </Page>
  );
}
