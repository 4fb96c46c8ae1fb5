/** Asks once more before what cannot be undone, or what somebody else will notice. */
import { Dialog } from "./dialog";

interface Props {
  heading: string;
  text: string;
  button: string;
  run: () => void;
  close: () => void;
}

export function Confirm({ heading, text, button, run, close }: Props) {
  return (
    <Dialog heading={heading} close={close}>
      <p>{text}</p>
      <div class="flex gap-2">
        <button class="btn-main" onClick={() => (close(), run())}>
          {button}
        </button>
        <button class="btn" onClick={close}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
