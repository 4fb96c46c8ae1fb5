/** Which rows of a long list are to be drawn. Pure. */

export interface Span {
  first: number;
  /** One past the last. */
  end: number;
  /** Pixels of what is left out above, and of everything. */
  above: number;
  total: number;
}

/** `heights`: of each row, measured or guessed. What lies up to `margin` pixels outside of the view is drawn as well. */
export function visible(heights: readonly number[], top: number, height: number, margin: number): Span {
  let first = -1;
  let end = heights.length;
  let above = 0;
  let sum = 0;
  for (let index = 0; index < heights.length; index += 1) {
    const size = heights[index] as number;
    if (first < 0 && sum + size > top - margin) {
      first = index;
      above = sum;
    }
    if (sum < top + height + margin) end = index + 1;
    sum += size;
  }
  if (first < 0) {
    first = heights.length;
    above = sum;
  }
  return { first, end: Math.max(end, first), above, total: sum };
}
