/** A table of a settings page, or what to do first where there is nothing in it. */
import type { ComponentChildren } from "preact";
import { Loading } from "./page";

interface Props<T> {
  name: string;
  columns: readonly string[];
  items: readonly T[] | null;
  problem: string;
  empty: ComponentChildren;
  row: (item: T) => ComponentChildren;
}

export function Listing<T>({ name, columns, items, problem, empty, row }: Props<T>) {
  if (!items) return <Loading problem={problem} />;
  if (items.length === 0) return <p class="glass frosted p-4 text-sm">{empty}</p>;
  return (
    <div class="glass frosted overflow-x-auto" tabIndex={0} role="region" aria-label={`${name}, table`}>
      <table>
        <thead>
          <tr>
            {columns.map((one) => (
              <th key={one}>{one}</th>
            ))}
            <th>
              <span class="sr">Change</span>
            </th>
          </tr>
        </thead>
        <tbody>{items.map(row)}</tbody>
      </table>
    </div>
  );
}
