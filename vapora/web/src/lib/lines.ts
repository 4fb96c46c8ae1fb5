/** Lists and names with values, one a line, as forms have them. Pure. */

export const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((one) => one.trim())
    .filter(Boolean);

export const wordsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** Of `NAME=VALUE` a line. Throws with a sentence. */
export function pairsOf(text: string, what: string): Record<string, string> {
  const pairs = linesOf(text).map((line): [string, string] => {
    const at = line.indexOf("=");
    if (at < 1) throw new Error(`${what}: “${line}” is not NAME=VALUE.`);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return Object.fromEntries(pairs);
}

export const shownPairs = (pairs: Record<string, string> | undefined): string =>
  Object.entries(pairs ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");
