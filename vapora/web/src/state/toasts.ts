/** Short messages at the edge of the page; read out by screen readers. */
import { signal } from "@preact/signals";
import { ApiError } from "../api/client";

export interface Toast {
  id: number;
  kind: "good" | "bad";
  text: string;
  remedy: string;
}

const SHOWN_MS = 8_000;
let next = 1;
export const toasts = signal<readonly Toast[]>([]);

export function tell(text: string, kind: Toast["kind"] = "good", remedy = ""): void {
  const toast = { id: next++, kind, text, remedy };
  toasts.value = [...toasts.value.slice(-3), toast];
  setTimeout(() => dismiss(toast.id), SHOWN_MS);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Says why something was refused. What is not a refusal is a fault of this page, and is thrown on. */
export function refused(error: unknown, what: string): void {
  if (!(error instanceof ApiError)) throw error;
  tell(`${what}: ${error.message}`, "bad", error.remedy);
}
