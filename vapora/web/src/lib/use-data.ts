/** Loading what a page shows: again when live frames say that it changed, and never an old answer over a newer one. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Frame } from "../api/types";
import { follow, onFrame } from "../state/live";
import { data, GET } from "../api/client";

interface Loaded<T> {
  value: T | null;
  problem: string;
  reload: () => void;
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
    reload();
    void data(GET("/api/v1/position")).then(
      (found) => follow((found as { position: number }).position),
      () => undefined, // the shell says that the server is not reached
    );
    const off = touches
      ? onFrame((frame) => {
          if (!touches(frame)) return;
          clearTimeout(timer.current);
          timer.current = window.setTimeout(reload, SETTLE_MS);
        })
      : undefined;
    return () => {
      number.current += 1;
      clearTimeout(timer.current);
      off?.();
    };
  }, keys);
  return { value, problem, reload };
}
