/** A list of which only what is seen is in the page, so that 5,000 cards scroll like 20. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { visible } from "../lib/window";

interface Props<T> {
  class: string;
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  guess: number;
  children: (item: T, index: number) => ComponentChildren;
  footer?: ComponentChildren;
  scroller?: (element: HTMLDivElement | null) => void;
  onNearEnd?: () => void;
  onKeyDown?: (event: KeyboardEvent) => void;
}

const MARGIN = 400;
/** So far it may be scrolled before it is drawn anew: within the margin there is nothing to be seen of that. */
const UNSEEN = 100;
/** The next page is asked for this many rows before the end, so that scrolling need not stop for it. */
const AHEAD = 40;

export function LongList<T>({ items, keyOf, guess, children, footer, scroller, onNearEnd, onKeyDown, class: look, label }: Props<T>) {
  const outer = useRef<HTMLDivElement>(null);
  const known = useRef(new Map<string, number>());
  /** For rows that were never drawn: the mean of the first ones that were. Fixed then, so that nothing jumps. */
  const typical = useRef<number | null>(null);
  const [view, setView] = useState({ top: 0, height: 900 });
  const [measured, setMeasured] = useState(0);
  const heights = useMemo(() => items.map((one) => known.current.get(keyOf(one)) ?? typical.current ?? guess), [items, measured]);
  const span = visible(heights, view.top, view.height, MARGIN);

  useLayoutEffect(() => {
    const element = outer.current;
    if (!element) return;
    scroller?.(element);
    const measure = () => {
      const [top, height] = [element.scrollTop, element.clientHeight];
      setView((before) => (before.height === height && Math.abs(before.top - top) < UNSEEN ? before : { top, height }));
    };
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      watcher.disconnect();
      element.removeEventListener("scroll", measure);
      scroller?.(null);
    };
  }, []);

  useLayoutEffect(() => {
    let changed = false;
    for (const row of outer.current?.querySelectorAll<HTMLElement>("[data-row]") ?? []) {
      const key = row.dataset.row as string;
      const height = row.offsetHeight;
      if (height && known.current.get(key) !== height) {
        known.current.set(key, height);
        changed = true;
      }
    }
    if (changed && typical.current === null) {
      const sizes = [...known.current.values()];
      typical.current = sizes.reduce((sum, one) => sum + one, 0) / sizes.length;
    }
    if (changed) setMeasured((number) => number + 1);
  });

  useLayoutEffect(() => {
    if (span.end >= items.length - AHEAD) onNearEnd?.();
  }, [span.end, items.length]);

  return (
    <div ref={outer} class={look} style={{ overflowAnchor: "none" }} tabIndex={0} role="region" aria-label={label} onKeyDown={onKeyDown}>
      <div role="list" style={{ height: `${span.total}px`, position: "relative" }}>
        <div style={{ transform: `translateY(${span.above}px)` }}>
          {items.slice(span.first, span.end).map((item, index) => (
            <div
              role="listitem"
              key={keyOf(item)}
              data-row={keyOf(item)}
              aria-setsize={items.length}
              aria-posinset={span.first + index + 1}
            >
              {children(item, span.first + index)}
            </div>
          ))}
        </div>
      </div>
      {footer}
    </div>
  );
}
