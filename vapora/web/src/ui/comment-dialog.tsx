/** Why work is sent back: asked before it is done. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "./dialog";

interface Props {
  heading: string;
  required?: boolean;
  children?: ComponentChildren;
  close: () => void;
  send: (comment: string) => void;
}

export function CommentDialog({ heading, required = false, children, close, send }: Props) {
  const [comment, setComment] = useState("");
  return (
    <Dialog heading={heading} close={close}>
      <form
        class="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          send(comment);
        }}
      >
        <label>
          <span class="label">What is to be different? The agent reads it.</span>
          <textarea class="area" maxLength={5_000} required={required} value={comment} onInput={(event) => setComment(event.currentTarget.value)} autofocus />
        </label>
        {children}
        <button class="btn-main self-start">Send back</button>
      </form>
    </Dialog>
  );
}
