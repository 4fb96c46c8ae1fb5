/** The socket of changes: resumes by position, and says when it is cut off. */
import { signal } from "@preact/signals";
import { workspace } from "../api/client";
import { reload as askWho } from "./me";
import { leave, onToken, token } from "./session";
import type { Frame, LiveRequest } from "../api/types";

export type Connection = "connecting" | "live" | "cut-off";

const HEARTBEAT_S = 8;
/** Two heartbeats that did not come: the connection is dead, and nobody has said so. */
const SILENCE_MS = 18_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;
/** The close code by which the server says that it does not know the position: the page must be loaded anew. */
const REFUSED = 1008;
/** The session is over, or its token has expired. */
const SIGN_IN = 4401;
/** The workspace is gone, or one belongs to it no more. */
const GONE = 4404;

export const connection = signal<Connection>("connecting");
export const position = signal(0);

type Listener = (frame: Frame) => void;
const listeners = new Set<Listener>();
const restarts = new Set<() => void>();

export function onFrame(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Called when positions no longer mean what they meant: whatever was loaded must be loaded again. */
export function onRestart(listener: () => void): () => void {
  restarts.add(listener);
  return () => restarts.delete(listener);
}

let socket: WebSocket | null = null;
let opening = false;
let pause = FIRST_PAUSE_MS;
let timer = 0;
let silence = 0;

/** Follow from `after` on. A second call goes on from where the first one is. */
export function follow(after: number): void {
  if (after > position.value) position.value = after;
  if (socket === null && timer === 0 && !opening) void open();
}

/** `refused`: the token that the server has just refused. */
async function open(refused = ""): Promise<void> {
  timer = 0;
  opening = true;
  const bearer = await token(refused).catch(() => null);
  opening = false;
  if (bearer === null) {
    connection.value = "cut-off";
    return again();
  }
  if (refused && bearer === "") return void leave("ended");
  connect(bearer);
}

function connect(bearer: string): void {
  const address = new URL("/api/v1/live", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const opened = new WebSocket(address);
  socket = opened;
  // One that never opens is given up as well.
  listen(opened);
  socket.onopen = () => {
    opened.send(JSON.stringify({ ...(bearer ? { token: bearer } : {}), workspace, after: position.value, heartbeat_s: HEARTBEAT_S } satisfies Partial<LiveRequest>));
  };
  socket.onmessage = (message) => {
    if (socket !== opened) return;
    listen(opened);
    // Only what the server says shows that it is there.
    pause = FIRST_PAUSE_MS;
    connection.value = "live";
    take(JSON.parse(String(message.data)) as Frame);
  };
  socket.onclose = (event) => gone(opened, event.code, bearer);
}

/** From now on so much silence means that the connection is dead. */
function listen(opened: WebSocket): void {
  clearTimeout(silence);
  silence = window.setTimeout(() => {
    gone(opened, 0);
    // Its closing may take minutes where nobody answers: nobody waits for it.
    opened.close();
  }, SILENCE_MS);
}

function gone(opened: WebSocket, code: number, bearer = ""): void {
  // Told twice, it would lead to two sockets.
  if (socket !== opened) return;
  clearTimeout(silence);
  socket = null;
  connection.value = "cut-off";
  if (code === REFUSED) restart();
  else if (code === SIGN_IN && bearer) void open(bearer);
  else if (code === SIGN_IN) leave("needed");
  else if (code === GONE) void askWho();
  else again();
}

// A socket whose token expires is closed by the server: it is told the next one in time.
onToken((bearer) => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ token: bearer } satisfies Partial<LiveRequest>));
});

function take(frame: Frame): void {
  // Never backwards: what was shown for a later position is newer.
  if (frame.position <= position.value) return;
  position.value = frame.position;
  for (const listener of listeners) listener(frame);
}

function again(): void {
  // Spread over half the pause, so that a hundred boards do not come back in the same moment.
  timer = window.setTimeout(() => void open(), pause * (0.5 + Math.random() / 2));
  pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
}

function restart(): void {
  position.value = 0;
  for (const listener of restarts) listener();
}

addEventListener("online", () => {
  if (timer !== 0) {
    clearTimeout(timer);
    void open();
  }
});
