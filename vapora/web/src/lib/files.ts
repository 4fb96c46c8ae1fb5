/** Files on a card: what they are called, and how large they are. Pure. */

/** A name that no other file of the card has: `shot.png`, then `shot (2).png`. */
export function freeName(name: string, taken: readonly string[]): string {
  const plain = name.trim() || "file";
  if (!taken.includes(plain)) return plain;
  const dot = plain.lastIndexOf(".");
  const [stem, end] = dot > 0 ? [plain.slice(0, dot), plain.slice(dot)] : [plain, ""];
  for (let number = 2; ; number += 1) {
    const next = `${stem} (${number})${end}`;
    if (!taken.includes(next)) return next;
  }
}

/** Browsers call every pasted picture `image.png`. */
export function pastedName(file: { name: string; type: string }, at: Date): string {
  if (file.name && file.name !== "image.png") return file.name;
  const stamp = at.toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
  return `screenshot ${stamp}.${file.type.split("/")[1] ?? "png"}`;
}

export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1_000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

export const isImage = (mediaType: string): boolean => ["image/png", "image/jpeg", "image/webp", "image/gif"].includes(mediaType);
