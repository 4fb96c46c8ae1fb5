/** Lines of a chart. Pure. */

export interface Series {
  label: string;
  values: (number | null)[];
  /** A CSS colour; absent: the next one. */
  colour?: string;
}

/** Each line on top of those before it. */
export function stacked(series: readonly Series[]): number[][] {
  const found: number[][] = [];
  for (const { values } of series) {
    const below = found.at(-1);
    found.push(values.map((value, at) => (value ?? 0) + (below?.[at] ?? 0)));
  }
  return found;
}

interface Spent {
  key: Record<string, string>;
  cost_microusd: number;
  simulated: boolean;
}

/** Real money where there is any, else simulated money: never both in one sum. */
export function oneKind<T extends Spent>(costs: readonly T[]): { rows: T[]; simulated: boolean } {
  const real = costs.filter((one) => !one.simulated);
  return real.length ? { rows: real, simulated: false } : { rows: [...costs], simulated: costs.length > 0 };
}
