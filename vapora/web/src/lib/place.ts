/** Where in a text a fault is, as the server's sentence says it. Pure. */

/** From "… line 3, column 5 …" the line's range; null where the sentence names no line. */
export function placeOf(said: string, text: string): [number, number] | null {
  const line = Number(/\bline (\d+)/.exec(said)?.[1] ?? 0);
  if (!line) return null;
  const lines = text.split("\n");
  if (line > lines.length) return null;
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return [start, start + (lines[line - 1]?.length ?? 0)];
}
