/** Teams: members of the workspace under one name, for tokens and policies. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, PATCH, POST, requestKey, workspace } from "../../api/client";
import type { Member, Team } from "../../api/types";
import { useForm } from "../../lib/form";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Listing } from "../../ui/listing";
import { Refused } from "../../ui/outside";
import { SettingsPageFrame } from "../../ui/settings-page";

const path = { workspace_id: workspace };

interface Found {
  teams: readonly Team[];
  members: readonly Member[];
}

async function find(): Promise<Found> {
  const [teams, members] = await Promise.all([
    data(GET("/api/v1/workspaces/{workspace_id}/teams", { params: { path } })),
    data(GET("/api/v1/workspaces/{workspace_id}/members", { params: { path } })),
  ]);
  return { teams: (teams as { items: Team[] }).items, members: (members as { items: Member[] }).items };
}

export function TeamsPage() {
  const { value, problem, reload } = useData(find, []);
  const [editing, setEditing] = useState<Team | "new" | null>(null);
  const [removing, setRemoving] = useState<Team | null>(null);
  const named = (id: string) => value?.members.find((one) => one.user_id === id)?.name ?? id;
  async function remove(team: Team): Promise<void> {
    try {
      await DELETE("/api/v1/workspaces/{workspace_id}/teams/{team_id}", { params: { path: { ...path, team_id: team.id } } });
      tell(`The team ${team.name} is gone.`);
      reload();
    } catch (error) {
      refused(error, "Not removed");
    }
  }
  return (
    <SettingsPageFrame
      heading="Teams"
      path="/settings/teams"
      aside={
        may("create_team") && (
          <button class="btn-main" onClick={() => setEditing("new")}>
            New team
          </button>
        )
      }
    >
      <Listing
        name="Teams"
        columns={["Name", "Id", "Members"]}
        items={value?.teams ?? null}
        problem={problem}
        empty="There is no team yet. A team gives several members one name, for policies and the scopes of tokens."
        row={(one) => (
          <tr key={one.id}>
            <td dir="auto">{one.name}</td>
            <td class="font-mono break-all">{one.id}</td>
            <td>{one.members.map(named).join(", ") || "nobody"}</td>
            <td class="text-end whitespace-nowrap">
              {may("edit_team") && (
                <button class="btn-quiet !h-8" aria-label={`Change ${one.name}`} onClick={() => setEditing(one)}>
                  Change
                </button>
              )}
              {may("remove_team") && (
                <button class="btn-quiet !h-8" aria-label={`Remove ${one.name}`} onClick={() => setRemoving(one)}>
                  Remove
                </button>
              )}
            </td>
          </tr>
        )}
      />
      {editing && value && (
        <Dialog heading={editing === "new" ? "New team" : `Change ${editing.name}`} close={() => setEditing(null)}>
          <TeamForm team={editing === "new" ? null : editing} members={value.members} done={() => (setEditing(null), reload())} />
        </Dialog>
      )}
      {removing && (
        <Confirm
          heading={`Remove the team ${removing.name}?`}
          text="Its members stay in the workspace. Tokens and policies that name it do not work any more."
          button="Remove"
          run={() => void remove(removing)}
          close={() => setRemoving(null)}
        />
      )}
    </SettingsPageFrame>
  );
}

function TeamForm({ team, members, done }: { team: Team | null; members: readonly Member[]; done: () => void }) {
  const { busy, problem, submit } = useForm(async (filled, form) => {
    const chosen = new FormData(form).getAll("member").map(String);
    let id = team?.id;
    if (id === undefined) {
      const made = (await data(POST("/api/v1/workspaces/{workspace_id}/teams", { params: { path, header: requestKey() }, body: { name: filled("name") } }))) as { id: string };
      id = made.id;
    }
    const body = { ...(team && team.name !== filled("name") ? { name: filled("name") } : {}), members: chosen } as never;
    if (team || chosen.length) await PATCH("/api/v1/workspaces/{workspace_id}/teams/{team_id}", { params: { path: { ...path, team_id: id } }, body });
    done();
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <label>
        <span class="label">Name of the team</span>
        <input class="field" name="name" required maxLength={200} defaultValue={team?.name ?? ""} placeholder="Platform" />
      </label>
      <fieldset class="border-0 p-0 m-0 flex flex-col gap-1">
        <legend class="label">Members</legend>
        {members.map((one) => (
          <label key={one.user_id} class="flex gap-2 items-center text-sm">
            <input type="checkbox" name="member" value={one.user_id} defaultChecked={team?.members.includes(one.user_id)} />
            {one.name}
          </label>
        ))}
        {members.length === 0 && <p class="muted">Nobody belongs to the workspace yet.</p>}
      </fieldset>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Save
      </button>
    </form>
  );
}
