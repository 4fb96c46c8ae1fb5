/** The way from one page of a group to the others. */
import { link } from "../api/client";

interface Props {
  label: string;
  /** Where one is. */
  path: string;
  /** Path and name of each page that is offered. */
  parts: readonly (readonly [string, string])[];
}

export function Parts({ label, path, parts }: Props) {
  return (
    <nav aria-label={label} class="flex gap-1 overflow-x-auto border-b border-line pb-2">
      {parts.map(([to, name]) => (
        <a
          key={to}
          href={link(to)}
          aria-current={to === path ? "page" : undefined}
          class={`px-2.5 py-1 rounded-lg text-sm no-underline whitespace-nowrap ${to === path ? "bg-raised text-ink font-semibold" : "text-soft"}`}
        >
          {name}
        </a>
      ))}
    </nav>
  );
}
