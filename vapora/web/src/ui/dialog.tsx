/** A modal dialog: the browser's own, which keeps the focus inside and gives it back. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface Props {
  heading: string;
  close: () => void;
  children: ComponentChildren;
}

export function Dialog({ heading, close, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      class="glass !bg-raised p-0 w-[min(40rem,calc(100vw-2rem))] max-h-[85vh]"
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => event.target === ref.current && close()}
    >
      <div class="p-5 flex flex-col gap-4">
        <div class="flex items-center gap-2">
          <h2 id={id} class="grow text-lg">
            {heading}
          </h2>
          <button class="btn-icon" aria-label="Close" onClick={close}>
            ×
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
