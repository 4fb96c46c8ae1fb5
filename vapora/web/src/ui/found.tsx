/** Asking the search, and how what it finds looks. Snippets are text and are shown as text. */
import { useEffect, useState } from "preact/hooks";
import { data, GET } from "../api/client";
import { settings } from "../state/settings";
import type { Found, FoundItem } from "../api/types";

const PAUSE_MS = 120;

/** The answer to the newest question; while another one is asked, the one before stays. `typing`: each pause asks, so where
 * a provider's vectors cost money it goes by the words alone. */
export function useFound(asked: string, kinds: string, limit: number, typing = false): { found: Found | null; problem: string; busy: boolean } {
  const [state, setState] = useState<{ found: Found | null; problem: string; busy: boolean }>({ found: null, problem: "", busy: false });
  useEffect(() => {
    const q = asked.trim();
    if (!q) {
      setState({ found: null, problem: "", busy: false });
      return;
    }
    const words = typing && (settings.value.search_vectors ?? "").includes(":");
    const gone = new AbortController();
    setState((was) => ({ ...was, busy: true }));
    const timer = setTimeout(() => {
      data(GET("/api/v1/search", { params: { query: { q, limit, ...(kinds ? { kinds } : {}), ...(words ? { mode: "text" } : {}) } }, signal: gone.signal }))
        .then((found) => setState({ found: found as Found, problem: "", busy: false }))
        .catch((error: unknown) => {
          if (!gone.signal.aborted) setState({ found: null, problem: error instanceof Error ? error.message : String(error), busy: false });
        });
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [asked, kinds, limit, typing]);
  return state;
}

export function Snippet({ item }: { item: FoundItem }) {
  return (
    <span class="block text-sm text-soft break-words" dir="auto">
      {item.parts.map((part, at) => (part.hit ? <mark key={at}>{part.text}</mark> : part.text))}
    </span>
  );
}

/** What the search says beside its items. */
export function said(asked: string, found: Found | null, busy: boolean): string {
  if (!asked.trim()) return "";
  if (!found) return busy ? "Searching…" : "";
  const corrected = Object.entries(found.corrected).map(([word, meant]) => `Nothing holds “${word}”; looked for ${meant.join(", ")}.`);
  const count = found.items.length;
  if (found.reason) corrected.push(`By the words alone: ${found.reason}`);
  return [...corrected, count ? `${count} found.` : "Nothing was found."].join(" ");
}
