import { dismiss, toasts } from "../state/toasts";

export function Toasts() {
  return (
    <div class="fixed bottom-4 inset-x-4 sm:left-auto sm:w-100 flex flex-col gap-2 z-50" aria-live="polite" role="log" aria-label="Messages">
      {toasts.value.map((one) => (
        <div key={one.id} class="glass !bg-raised p-3 flex gap-3 items-start" data-kind={one.kind}>
          <span aria-hidden="true" class={one.kind === "bad" ? "text-bad" : "text-good"}>
            {one.kind === "bad" ? "✕" : "✓"}
          </span>
          <div class="grow text-sm break-words min-w-0">
            {one.text}
            {one.remedy && <div class="text-soft">{one.remedy}</div>}
          </div>
          <button class="btn-quiet !h-6 !px-1" aria-label="Close this message" onClick={() => dismiss(one.id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
