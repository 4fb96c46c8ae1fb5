/** Loading what a page shows: again when live frames say that it changed, and never an old answer over a newer one. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Frame } from "../api/types";
import { follow, onFrame, position } from "../state/live";
import { data, GET } from "../api/client";

interface Loaded<T> {
  value: T | null;
  problem: string;
  reload: () => void;
}

/** For a page that shows nothing that changes: the connection is shown on it all the same. */
export function useConnection(): void {
  useEffect(() => void following(), []);
}

async function following(): Promise<void> {
  if (position.value) return;
  // Without an answer the page says so itself.
  const found = (await data(GET("/api/v1/position")).catch(() => null)) as { head: number; position: number } | null;
  if (found) follow(found.position);
}

const SETTLE_MS = 300;

/** `touches`: whether a frame changes what is shown. */
export function useData<T>(load: () => Promise<T>, keys: readonly unknown[], touches?: (frame: Frame) => boolean): Loaded<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState("");
  const number = useRef(0);
  const timer = useRef(0);
  const reload = useCallback(() => {
    const mine = ++number.current;
    load().then(
      (found) => {
        if (mine !== number.current) return;
        setValue(found);
        setProblem("");
      },
      (error: unknown) => mine === number.current && setProblem(error instanceof Error ? error.message : String(error)),
    );
  }, keys);
  useEffect(() => {
    // Followed first: what changes while the answer is on its way comes as a frame.
    void following().then(reload);
    const off = touches
      ? onFrame((frame) => {
          if (!touches(frame)) return;
          // At most so often, and not only once it is quiet: agents may be at work for hours.
          timer.current ||= window.setTimeout(() => {
            timer.current = 0;
            reload();
          }, SETTLE_MS);
        })
      : undefined;
    return () => {
      number.current += 1;
      clearTimeout(timer.current);
      timer.current = 0;
      off?.();
    };
  }, keys);
  return { value, problem, reload };
}
