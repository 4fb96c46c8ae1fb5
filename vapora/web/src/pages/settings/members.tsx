/** Who belongs to the workspace, as what, and who is invited. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, PATCH, POST, requestKey, workspace } from "../../api/client";
import type { Invitation, Member, MemberRole } from "../../api/types";
import { useForm } from "../../lib/form";
import { moment } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { may, me } from "../../state/me";
import { preferences } from "../../state/preferences";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Listing } from "../../ui/listing";
import { ShownOnce } from "../../ui/once";
import { Refused } from "../../ui/outside";
import { Panel } from "../../ui/page";
import { SettingsPageFrame } from "../../ui/settings-page";

export const ROLES: Record<MemberRole, string> = {
  viewer: "viewer: looks",
  member: "member: hands in, reviews, merges",
  admin: "admin: agents, budgets, projects, people",
  owner: "owner: everything",
};
const path = { workspace_id: workspace };

const allMembers = async () => ((await data(GET("/api/v1/workspaces/{workspace_id}/members", { params: { path } }))) as { items: Member[] }).items;
const allInvitations = async () =>
  may("list_invitations") ? ((await data(GET("/api/v1/workspaces/{workspace_id}/invitations", { params: { path } }))) as { items: Invitation[] }).items : [];

export function MembersPage() {
  const members = useData(allMembers, []);
  const invitations = useData(allInvitations, []);
  const [inviting, setInviting] = useState(false);
  const [link, setLink] = useState("");
  return (
    <SettingsPageFrame
      heading="Members"
      path="/settings/members"
      aside={
        may("invite") && (
          <button class="btn-main" onClick={() => setInviting(true)}>
            Invite
          </button>
        )
      }
    >
      <Listing
        name="Members"
        columns={["Name", "E-mail", "Role"]}
        items={members.value}
        problem={members.problem}
        empty={me.value?.kind === "local" ? "There are no accounts here yet: everybody at this machine may do everything." : "Nobody belongs to this workspace yet. Invite the first person."}
        row={(one) => <MemberRow key={one.user_id} member={one} changed={members.reload} />}
      />
      {invitations.value && invitations.value.length > 0 && (
        <Panel heading="Invited">
          <ul class="m-0 p-0 list-none flex flex-col gap-2">
            {invitations.value.map((one) => (
              <InvitationRow key={one.id} invitation={one} changed={invitations.reload} />
            ))}
          </ul>
        </Panel>
      )}
      {inviting && (
        <Dialog heading="Invite somebody" close={() => setInviting(false)}>
          <InviteForm
            done={(made) => {
              setInviting(false);
              setLink(made);
              invitations.reload();
            }}
          />
        </Dialog>
      )}
      {link && <ShownOnce heading="Send this link" what="Whoever opens it can join, once, within seven days." value={link} close={() => setLink("")} />}
    </SettingsPageFrame>
  );
}

function MemberRow({ member, changed }: { member: Member; changed: () => void }) {
  const [removing, setRemoving] = useState(false);
  const params = { path: { ...path, user_id: member.user_id } };
  async function change(role: string): Promise<void> {
    try {
      await PATCH("/api/v1/workspaces/{workspace_id}/members/{user_id}", { params, body: { role: role as MemberRole } });
      tell(`${member.name} is ${role} now.`);
    } catch (error) {
      refused(error, "Not changed");
    }
    changed();
  }
  async function remove(): Promise<void> {
    try {
      await DELETE("/api/v1/workspaces/{workspace_id}/members/{user_id}", { params });
      tell(`${member.name} does not belong to the workspace any more.`);
      changed();
    } catch (error) {
      refused(error, "Not removed");
    }
  }
  return (
    <tr>
      <td dir="auto">{member.name}</td>
      <td class="break-all">{member.email || "–"}</td>
      <td>
        {may("change_member") ? (
          <select class="field !h-8 !w-auto max-w-60" aria-label={`Role of ${member.name}`} value={member.role} onChange={(event) => void change(event.currentTarget.value)}>
            {Object.entries(ROLES).map(([role, said]) => (
              <option key={role} value={role}>
                {said}
              </option>
            ))}
          </select>
        ) : (
          member.role
        )}
      </td>
      <td class="text-end">
        {may("remove_member") && (
          <button class="btn-quiet !h-8" aria-label={`Remove ${member.name}`} onClick={() => setRemoving(true)}>
            Remove
          </button>
        )}
        {removing && (
          <Confirm
            heading={`Remove ${member.name}?`}
            text="They see nothing of this workspace from then on. What they did stays in the log."
            button="Remove"
            run={() => void remove()}
            close={() => setRemoving(false)}
          />
        )}
      </td>
    </tr>
  );
}

function InvitationRow({ invitation, changed }: { invitation: Invitation; changed: () => void }) {
  async function withdraw(): Promise<void> {
    try {
      await DELETE("/api/v1/workspaces/{workspace_id}/invitations/{invitation_id}", { params: { path: { ...path, invitation_id: invitation.id } } });
      changed();
    } catch (error) {
      refused(error, "Not withdrawn");
    }
  }
  return (
    <li class="flex flex-wrap items-center gap-2 text-sm">
      <span class="grow break-all">
        {invitation.email}, as {invitation.role}, until {moment(invitation.expires_at, preferences.value.zone || undefined)}
      </span>
      {may("withdraw_invitation") && (
        <button class="btn-quiet !h-8" aria-label={`Withdraw the invitation of ${invitation.email}`} onClick={() => void withdraw()}>
          Withdraw
        </button>
      )}
    </li>
  );
}

function InviteForm({ done }: { done: (link: string) => void }) {
  const { busy, problem, submit } = useForm(async (filled) => {
    const body = { email: filled("email"), role: filled("role") } as never;
    const made = (await data(POST("/api/v1/workspaces/{workspace_id}/invitations", { params: { path, header: requestKey() }, body }))) as { link: string };
    done(made.link);
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <p class="muted">You get a link to send. VAPORA sends no mail.</p>
      <label>
        <span class="label">E-mail</span>
        <input class="field" name="email" type="email" required maxLength={254} placeholder="grace@example.com" />
      </label>
      <label>
        <span class="label">Role</span>
        <select class="field" name="role">
          {Object.entries(ROLES).map(([role, said]) => (
            <option key={role} value={role} selected={role === "member"}>
              {said}
            </option>
          ))}
        </select>
      </label>
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Make the link
      </button>
    </form>
  );
}
