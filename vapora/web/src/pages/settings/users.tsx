/** All who have an account on this installation; for administrators. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, PATCH, POST, requestKey } from "../../api/client";
import type { User } from "../../api/types";
import { useForm } from "../../lib/form";
import { allPages } from "../../lib/pages";
import { useData } from "../../lib/use-data";
import { me } from "../../state/me";
import { refused, tell } from "../../state/toasts";
import { Confirm } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { Listing } from "../../ui/listing";
import { NewPassword, Refused } from "../../ui/outside";
import { SettingsPageFrame } from "../../ui/settings-page";

const all = () => allPages<User>((cursor) => data(GET("/api/v1/users", { params: { query: (cursor ? { cursor } : {}) as never } })));

export function UsersPage() {
  const { value, problem, reload } = useData(all, []);
  const [resetting, setResetting] = useState<User | null>(null);
  const [erasing, setErasing] = useState<User | null>(null);
  async function act(call: () => Promise<unknown>, done: string): Promise<void> {
    try {
      await call();
      tell(done);
      reload();
    } catch (error) {
      refused(error, "Not done");
    }
  }
  const change = (user: User, body: Record<string, boolean>, done: string) =>
    void act(() => PATCH("/api/v1/users/{user_id}", { params: { path: { user_id: user.id } }, body: body as never }), done);
  return (
    <SettingsPageFrame heading="Users" path="/settings/users">
      <Listing
        name="Users"
        columns={["Name", "E-mail", "Standing"]}
        items={value}
        problem={problem}
        empty={me.value?.kind === "local" ? "Nobody has an account here yet. The address that `vapora up` prints makes the first owner." : "Nobody has an account here yet."}
        row={(one) => (
          <tr key={one.id}>
            <td dir="auto">{one.name}</td>
            <td class="break-all">{one.email}</td>
            <td>
              {one.administrator && <span class="tag mr-1">administrator</span>}
              {one.disabled && <span class="tag !text-warn">disabled</span>}
            </td>
            <td class="text-end">
              <span class="inline-flex flex-wrap justify-end">
                <button class="btn-quiet !h-8" aria-label={`${one.administrator ? "Make no administrator of" : "Make an administrator of"} ${one.name}`} onClick={() => change(one, { administrator: !one.administrator }, `${one.name} is ${one.administrator ? "no" : "an"} administrator now.`)}>
                  {one.administrator ? "No administrator" : "Administrator"}
                </button>
                <button class="btn-quiet !h-8" aria-label={`${one.disabled ? "Enable" : "Disable"} ${one.name}`} onClick={() => change(one, { disabled: !one.disabled }, `${one.name} ${one.disabled ? "may sign in again." : "may not sign in any more."}`)}>
                  {one.disabled ? "Enable" : "Disable"}
                </button>
                <button class="btn-quiet !h-8" aria-label={`Set a password for ${one.name}`} onClick={() => setResetting(one)}>
                  Password
                </button>
                <button class="btn-quiet !h-8" aria-label={`Erase ${one.name}`} onClick={() => setErasing(one)}>
                  Erase
                </button>
              </span>
            </td>
          </tr>
        )}
      />
      {resetting && (
        <Dialog heading={`A password for ${resetting.name}`} close={() => setResetting(null)}>
          <ResetForm user={resetting} done={() => setResetting(null)} />
        </Dialog>
      )}
      {erasing && (
        <Confirm
          heading={`Erase ${erasing.name}?`}
          text="Name, address and password are deleted for good. What they did stays in the log, under an id that nobody can tell the name of."
          button="Erase"
          run={() => void act(() => DELETE("/api/v1/users/{user_id}", { params: { path: { user_id: erasing.id } } }), "Erased.")}
          close={() => setErasing(null)}
        />
      )}
    </SettingsPageFrame>
  );
}

function ResetForm({ user, done }: { user: User; done: () => void }) {
  const { busy, problem, submit } = useForm(async (filled) => {
    await POST("/api/v1/users/{user_id}/password", { params: { path: { user_id: user.id }, header: requestKey() } as never, body: { password: filled("password") } });
    tell(`${user.name} has another password. All their sessions have ended.`);
    done();
  });
  return (
    <form class="flex flex-col gap-3" onSubmit={submit}>
      <NewPassword label="New password" />
      <Refused text={problem} />
      <button class="btn-main self-start" disabled={busy}>
        Set it
      </button>
    </form>
  );
}
