/** Tells of cards that come to where a person wanted to know of them, while the board is not looked at. */
import type { Card } from "../api/types";
import { entered, told } from "../lib/notices";
import { onFrame } from "./live";
import { preferences } from "./preferences";
import { tell } from "./toasts";

const GATHERED_MS = 500;
/** Where each card was when it was heard of last. */
const states = new Map<string, string>();
let news: Card[] = [];
let timer = 0;

const isBoard = (): boolean => location.pathname === "/" || location.pathname.startsWith("/p/");

onFrame((frame) => {
  for (const { view, row } of frame.rows) {
    if (view !== "task") continue;
    const before = states.get(row.id);
    states.set(row.id, row.state);
    // Of a card that is heard of for the first time, the counts of the columns tell whether it has come to where it is.
    const came = before === undefined ? entered(frame, row) : before !== row.state;
    if (!came || !preferences.value.notifications.includes(row.state)) continue;
    news = [...news.filter((one) => one.id !== row.id), row];
    timer ||= window.setTimeout(say, GATHERED_MS);
  }
});

function say(): void {
  timer = 0;
  const cards = news;
  news = [];
  const seen = isBoard() && !document.hidden;
  if (seen) return;
  for (const text of told(cards)) {
    if (document.hidden && "Notification" in window && Notification.permission === "granted") new Notification("VAPORA", { body: text });
    else tell(text);
  }
}
