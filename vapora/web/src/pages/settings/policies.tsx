/** The workspace's own policies, in Cedar, beside those that ship. */
import { useRef, useState } from "preact/hooks";
import { data, GET, PUT } from "../../api/client";
import { ApiError } from "../../api/error";
import type { Policies } from "../../api/types";
import { placeOf } from "../../lib/place";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { tell } from "../../state/toasts";
import { Loading, Panel } from "../../ui/page";
import { SettingsPageFrame } from "../../ui/settings-page";

const find = async () => (await data(GET("/api/v1/policies"))) as Policies;

export function PoliciesPage() {
  const { value, problem } = useData(find, []);
  return (
    <SettingsPageFrame heading="Policies" path="/settings/policies">
      {!value ? (
        <Loading problem={problem} />
      ) : (
        <>
          <Editor text={value.text} />
          <Panel heading="What holds everywhere">
            <p class="muted">These ship with VAPORA. A policy of your own can permit nothing that nobody may, and can forbid what these permit.</p>
            <details>
              <summary class="cursor-pointer text-sm">Show them</summary>
              <pre class="mt-3">{value.shipped}</pre>
            </details>
          </Panel>
        </>
      )}
    </SettingsPageFrame>
  );
}

const EXAMPLE = `// Nobody merges here but owners.
forbid (principal, action == Action::"merge_task", resource)
unless { principal in Role::"workspace/default/owner" };`;

function Editor({ text }: { text: string }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [refused, setRefused] = useState("");
  const [busy, setBusy] = useState(false);
  async function save(event: Event): Promise<void> {
    event.preventDefault();
    const given = area.current?.value ?? "";
    setBusy(true);
    setRefused("");
    try {
      await PUT("/api/v1/policies", { body: { text: given } });
      tell("The policies hold from now on.");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRefused([error.message, error.remedy].filter(Boolean).join(" "));
      const at = placeOf(error.message, given);
      if (at !== null) {
        area.current?.focus();
        area.current?.setSelectionRange(at[0], at[1]);
      }
    } finally {
      setBusy(false);
    }
  }
  return (
    <Panel heading="Of this workspace">
      {!text && <p class="muted">There are none yet. They narrow what members, tokens and agents may do here; the text is checked before it is taken.</p>}
      <form class="flex flex-col gap-3" onSubmit={(event) => void save(event)}>
        <label>
          <span class="sr">Cedar text of this workspace</span>
          <textarea
            ref={area}
            class="area !min-h-60 font-mono"
            spellcheck={false}
            maxLength={100_000}
            defaultValue={text}
            placeholder={EXAMPLE}
            readOnly={!may("set_policies")}
            aria-invalid={refused ? "true" : undefined}
            aria-describedby={refused ? "policy-refused" : undefined}
          />
        </label>
        {refused && (
          <p id="policy-refused" role="alert" class="text-bad text-sm whitespace-pre-wrap">
            {refused}
          </p>
        )}
        {may("set_policies") && (
          <button class="btn-main self-start" disabled={busy}>
            Check and save
          </button>
        )}
      </form>
    </Panel>
  );
}
