/** Archiving, restoring and deleting the workspace that the page shows; what others will notice takes its name once more. */
import { useState } from "preact/hooks";
import { data, DELETE, GET, PATCH, workspace } from "../api/client";
import { useForm } from "../lib/form";
import { useData } from "../lib/use-data";
import { may, reload as reloadMe } from "../state/me";
import { refused, tell } from "../state/toasts";
import { Dialog } from "./dialog";
import { Refused } from "./outside";
import { Panel } from "./page";

interface Standing {
  name: string;
  archived: boolean;
}

const path = { workspace_id: workspace };
const look = async () => (await data(GET("/api/v1/workspaces/{workspace_id}", { params: { path } }))) as Standing;
const archive = async (archived: boolean) => data(PATCH("/api/v1/workspaces/{workspace_id}", { params: { path }, body: { archived } as never }));

export function WorkspaceEnd() {
  const { value, reload } = useData(look, []);
  const [asked, setAsked] = useState<"archive" | "delete" | null>(null);
  // The default workspace is always there.
  if (workspace === "default" || !value || !may("edit_workspace", "delete_workspace")) return null;
  const name = value.name || workspace;
  const looked = () => (reload(), void reloadMe());

  async function restore(): Promise<void> {
    try {
      await archive(false);
      tell(`${name} is restored.`);
      looked();
    } catch (error) {
      refused(error, "Not restored");
    }
  }

  return (
    <Panel heading={value.archived ? "This workspace is archived" : "Archive or delete the workspace"}>
      <p class="text-sm">
        {value.archived
          ? "It can be read, and takes no writes. Nothing of it is missing."
          : "An archived workspace can be read, and nothing starts or changes in it until it is restored. A deleted one is gone, with all that is in it."}
      </p>
      <div class="flex flex-wrap gap-2">
        {may("edit_workspace") &&
          (value.archived ? (
            <button class="btn-main" onClick={() => void restore()}>
              Restore the workspace
            </button>
          ) : (
            <button class="btn" onClick={() => setAsked("archive")}>
              Archive the workspace
            </button>
          ))}
        {may("delete_workspace") && (
          <button class="btn" onClick={() => setAsked("delete")}>
            Delete the workspace
          </button>
        )}
      </div>
      {asked === "archive" && (
        <ByName
          heading={`Archive ${name}?`}
          text="Runs stop where they stand. Members can still look at everything."
          name={name}
          button="Archive"
          close={() => setAsked(null)}
          run={async () => {
            await archive(true);
            tell(`${name} is archived.`);
            setAsked(null);
            looked();
          }}
        />
      )}
      {asked === "delete" && (
        <ByName
          heading={`Delete ${name}?`}
          text="For good, with its cards, runs, agents and budgets. An export stays on the server, in the folder exports; the id is never given again."
          name={name}
          button="Delete for good"
          close={() => setAsked(null)}
          run={async () => {
            await DELETE("/api/v1/workspaces/{workspace_id}", { params: { path } });
            location.assign("/");
          }}
        />
      )}
    </Panel>
  );
}

interface ByNameProps {
  heading: string;
  text: string;
  name: string;
  button: string;
  close: () => void;
  run: () => Promise<void>;
}

function ByName({ heading, text, name, button, close, run }: ByNameProps) {
  const [typed, setTyped] = useState("");
  const { busy, problem, submit } = useForm(async () => run());
  return (
    <Dialog heading={heading} close={close}>
      <form class="flex flex-col gap-3" onSubmit={submit}>
        <p>{text}</p>
        <label>
          <span class="label">
            To go on, type its name: <b>{name}</b>
          </span>
          <input class="field" name="confirmation" autocomplete="off" required value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
        <Refused text={problem} />
        <div class="flex gap-2">
          <button class="btn-main" disabled={busy || typed.trim() !== name}>
            {button}
          </button>
          <button class="btn" type="button" onClick={close}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
