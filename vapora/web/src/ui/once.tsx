/** Something that is shown this once: a link or a token, with a button that copies it. */
import { useState } from "preact/hooks";
import { Dialog } from "./dialog";

interface Props {
  heading: string;
  what: string;
  value: string;
  close: () => void;
}

export function ShownOnce({ heading, what, value, close }: Props) {
  const [said, setSaid] = useState("");
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(value);
      setSaid("Copied.");
    } catch {
      // Not allowed, or a page that came over plain HTTP.
      document.querySelector<HTMLInputElement>("#shown-once")?.select();
      setSaid("Press Ctrl C to copy it.");
    }
  }
  return (
    <Dialog heading={heading} close={close}>
      <label>
        <span class="label">{what} It is shown this once.</span>
        <input id="shown-once" class="field font-mono" readOnly value={value} onFocus={(event) => event.currentTarget.select()} />
      </label>
      <div class="flex flex-wrap items-center gap-2">
        <button class="btn-main" onClick={() => void copy()}>
          Copy
        </button>
        <button class="btn" onClick={close}>
          Done
        </button>
        <span role="status" class="muted">
          {said}
        </span>
      </div>
    </Dialog>
  );
}
