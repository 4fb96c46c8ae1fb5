/** The roles that are installed, by group: what each takes, hands in and is asked to do. */
import { data, GET } from "../api/client";
import type { Role } from "../api/types";
import { title } from "../lib/format";
import { useData } from "../lib/use-data";
import { Loading, Page, Panel } from "../ui/page";

const all = async () => (await data(GET("/api/v1/roles"))).items;

export function MarketplacePage() {
  const { value, problem } = useData(all, []);
  const groups = [...new Set(value?.map((one) => one.group) ?? [])];
  return (
    <Page heading="Marketplace">
      <p class="muted">The roles that come with VAPORA. Each has an agent, which takes cards of the kinds of work that are named.</p>
      {!value ? (
        <Loading problem={problem} />
      ) : (
        groups.map((group) => (
          <Panel key={group} heading={title(group)}>
            <ul class="m-0 p-0 list-none grid md:grid-cols-2 gap-3">
              {value
                .filter((one) => one.group === group)
                .map((role) => (
                  <li key={role.id} class="border border-line rounded-lg bg-raised p-3">
                    <RoleView role={role} />
                  </li>
                ))}
            </ul>
          </Panel>
        ))
      )}
    </Page>
  );
}

function RoleView({ role }: { role: Role }) {
  return (
    <article class="flex flex-col gap-1.5" aria-label={role.title}>
      <h3>{role.title}</h3>
      <p class="text-sm">{role.description}</p>
      <p class="flex flex-wrap gap-1">
        {role.task_types.map((one) => (
          <span key={one} class="tag">
            {title(one)}
          </span>
        ))}
      </p>
      <details>
        <summary class="cursor-pointer text-sm">System prompt</summary>
        <pre tabIndex={0} class="mt-2 max-h-80 overflow-auto">{role.prompt}</pre>
      </details>
    </article>
  );
}
