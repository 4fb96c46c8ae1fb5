/** What people are asked: each with exactly what the decision is about. */
import { data, GET, link, POST, requestKey } from "../../api/client";
import { ApiError } from "../../api/error";
import type { Approval } from "../../api/types";
import { useForm } from "../../lib/form";
import { moment } from "../../lib/format";
import { useData } from "../../lib/use-data";
import { may } from "../../state/me";
import { preferences } from "../../state/preferences";
import { tell } from "../../state/toasts";
import { Refused } from "../../ui/outside";
import { Loading, Panel } from "../../ui/page";
import { WorkflowsFrame } from "../../ui/workflows-page";

const open = async () => ((await data(GET("/api/v1/approvals", {}))) as { items: Approval[] }).items;
const approvals = (frame: { rows: readonly { view: string }[] }) => frame.rows.some(({ view }) => view === "approval");

export function ApprovalsPage() {
  const { value, problem, reload } = useData(open, [], approvals);
  return (
    <WorkflowsFrame heading="Approvals" path="/workflows/approvals">
      {!value ? (
        <Loading problem={problem} />
      ) : value.length === 0 ? (
        <p class="glass frosted p-4 text-sm">Nothing waits for a decision.</p>
      ) : (
        value.map((one) => <Asked key={one.id} approval={one} decided={reload} />)
      )}
    </WorkflowsFrame>
  );
}

/** One that a run waits for. */
export function ApprovalOf({ id, decided }: { id: string; decided: () => void }) {
  const load = async () => (await data(GET("/api/v1/approvals/{approval_id}", { params: { path: { approval_id: id } } }))) as Approval;
  const { value, problem, reload } = useData(load, [id], approvals);
  if (!value) return <Loading problem={problem} />;
  return <Asked approval={value} decided={() => (reload(), decided())} />;
}

function Asked({ approval, decided }: { approval: Approval; decided: () => void }) {
  const { busy, problem, submit } = useForm(async (filled) => {
    const decision = filled("decision");
    const path = { approval_id: approval.id };
    const body = { decision, seen: approval.seen, comment: filled("comment") } as never;
    try {
      await POST("/api/v1/approvals/{approval_id}", { params: { path, header: requestKey() }, body });
      tell(decision === "approve" ? `“${approval.title}” is approved.` : `“${approval.title}” is rejected.`);
    } catch (error) {
      // Whatever came between, what is shown now is out of date.
      if (error instanceof ApiError && error.status === 409) decided();
      throw error;
    }
    decided();
  });
  const zone = preferences.value.zone || undefined;
  return (
    <Panel heading={approval.title}>
      <p class="muted">
        <a href={link(`/workflows/runs/${approval.workflow_run_id}`)}>{approval.workflow}</a>, stage {approval.stage}, asked {moment(approval.requested_at, zone)}
        {approval.expires_at && `, to be decided by ${moment(approval.expires_at, zone)}`}
        {approval.escalated && ", escalated"}
      </p>
      <ShownValue value={approval.shown} />
      {approval.state !== "open" ? (
        <p role="status">
          {approval.state}
          {approval.decided_by && ` by ${approval.decided_by}`}
          {approval.comment && `: ${approval.comment}`}
        </p>
      ) : (
        may("decide_approval") && (
          <form class="flex flex-col gap-3" onSubmit={submit}>
            <label>
              <span class="label">Comment</span>
              <textarea class="area !min-h-14" name="comment" maxLength={5_000} />
            </label>
            <Refused text={problem} />
            <div class="flex gap-2">
              <button class="btn-main" disabled={busy} name="decision" value="approve">
                Approve
              </button>
              <button class="btn" disabled={busy} name="decision" value="reject">
                Reject
              </button>
            </div>
          </form>
        )
      )}
    </Panel>
  );
}

/** Whatever the digest is about, all of it. */
function ShownValue({ value }: { value: unknown }) {
  if (value === null || value === undefined || value === "") return <span class="text-soft">nothing</span>;
  if (typeof value !== "object") return <span class="whitespace-pre-wrap break-words">{String(value)}</span>;
  const parts = Array.isArray(value) ? value.map((one, index) => [String(index + 1), one] as const) : Object.entries(value);
  if (!parts.length) return <span class="text-soft">nothing</span>;
  return (
    <dl class="m-0 grid gap-1 text-sm border-s border-line ps-3">
      {parts.map(([name, one]) => (
        <div key={name}>
          <dt class="text-soft">{name.replaceAll("_", " ")}</dt>
          <dd class="m-0">{name === "task_id" && typeof one === "string" ? <a href={link(`/t/${one}`)}>{one}</a> : <ShownValue value={one} />}</dd>
        </div>
      ))}
    </dl>
  );
}
