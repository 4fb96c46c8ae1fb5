/** Money, times and counts as people read them. Pure, but for the zone and language of the browser. */

/** Micro-dollars; below a cent with four digits, and never so that a little looks like nothing. */
export function dollars(microusd: number): string {
  if (microusd > 0 && microusd < 100) return "<$0.0001";
  const value = microusd / 1_000_000;
  const digits = value !== 0 && Math.abs(value) < 0.01 ? 4 : 2;
  return `$${value.toFixed(digits)}`;
}

export const cents = (amount: number | null | undefined): string => (amount == null ? "no limit" : `$${(amount / 100).toFixed(2)}`);

export function count(value: number): string {
  return value.toLocaleString("en-GB");
}

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} min ${Math.round((ms % 60_000) / 1_000)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function moment(instant: string, zone?: string): string {
  return new Date(instant).toLocaleString("en-GB", {
    dateStyle: "medium",
    timeStyle: "medium",
    ...(zone ? { timeZone: zone } : {}),
  });
}

export const title = (word: string): string => (word ? word[0]?.toUpperCase() + word.slice(1).replaceAll("-", " ") : "");

const TASK_ID = /\btask-[0-9a-f]{8,32}\b/g;

/** A sentence of the server with cards' titles in place of their ids, where they are known. */
export const named = (text: string, titleOf: (id: string) => string | undefined): string =>
  text.replace(TASK_ID, (id) => {
    const found = titleOf(id);
    return found ? `“${found}”` : id;
  });
