import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

/** The frame of every page but the board. */
export function Page({ heading, children, aside }: { heading: string; children: ComponentChildren; aside?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${heading} · VAPORA`;
  }, [heading]);
  return (
    <div class="max-w-290 mx-auto p-4 flex flex-col gap-4">
      <div class="flex flex-wrap items-center gap-3">
        <h1 class="grow min-w-0 break-words" dir="auto">
          {heading}
        </h1>
        {aside}
      </div>
      {children}
    </div>
  );
}

export function Panel({ heading, children, id }: { heading: string; children: ComponentChildren; id?: string }) {
  return (
    <section class="glass frosted p-4 flex flex-col gap-3 min-w-0" aria-label={heading} id={id}>
      <h2>{heading}</h2>
      {children}
    </section>
  );
}

export function Loading({ problem }: { problem: string }) {
  return problem ? (
    <p role="alert" class="text-bad">
      {problem}
    </p>
  ) : (
    <p class="muted" role="status">
      Loading…
    </p>
  );
}
