"""What an agent says to a model: the pure part of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from actors.agent.attached import attached_images, attached_text
from actors.messages import Assignment, Call, FollowUp
from events.budget import Charge
from events.content import Content
from events.run import RunStarted
from vapora.catalog import RoleManifest
from vapora.catalog.manifests import RunStep
from vapora.domain.next_step import Ask
from vapora.domain.routing import COMPLEXITIES, Routing
from vapora.domain.run import Run
from vapora.domain.run_end import Ending, may_end
from vapora.domain.task import Task
from vapora.domain.tracker.outside import CONTEXT_KEY, NOTE
from vapora.domain.work import offered_tools
from vapora.llm.protocol import Message, ToolSpec
from vapora.tools.table import TOOLS


def fixed_steps(manifest: RoleManifest, rehearsal_steps: int | None) -> tuple[str, ...]:
    """The role's own; or as many as wanted, the role's again and again, each with a name of its own."""
    names = [step.name for step in manifest.steps]
    if rehearsal_steps is None:
        return tuple(names)
    rounds = (divmod(at, len(names)) for at in range(rehearsal_steps))
    return tuple(f"{names[at]}-{number + 1}" if number else names[at] for number, at in rounds)


def run_started(assignment: Assignment, steps: tuple[str, ...], simulated: bool, **work: Any) -> RunStarted:
    task = assignment.task
    return RunStarted(
        run_id=assignment.run_id,
        task_id=task.id,
        project_id=task.project_id,
        agent_id=assignment.agent_id,
        role=assignment.role,
        task_type=task.task_type,
        steps=steps,
        purpose=assignment.purpose,
        forked_from=assignment.fork,
        model=assignment.model,
        attachments=task.attachments,
        equipment=assignment.equipment,
        simulated=simulated,
        **work,
    )


def call_of_step(
    assignment: Assignment, manifest: RoleManifest, run: Run, ask: Ask, text: Callable[[Content], str], *, held: bool
) -> Call:
    """The next call of a run of fixed steps: the conversation so far and this step's instruction."""
    step, count = len(run.answers), len(run.started.steps) if run.started else 0
    attachments = run.started.attachments if run.started else ()
    told = (brief(assignment.task), attached_text(attachments, text), manifest.steps[0].instruction)
    first = "\n\n".join(part for part in told if part)
    messages = [Message(role="user", text=first, images=attached_images(attachments))]
    for number, answer in enumerate(run.answers, 1):
        messages.append(Message(role="assistant", text=text(answer.answer)))
        messages.append(Message(role="user", text=_step(manifest, number).instruction))
    following = None
    if step + 1 < count:
        after = _step(manifest, step + 1)
        following = FollowUp(after.instruction, manifest.output_tokens(after))
    limit = ask.room(manifest.output_tokens(_step(manifest, step)))
    call = call_of_run(assignment, manifest, run, ask, manifest.prompt, tuple(messages), limit)
    return replace(call, held=held, follow_up=following, ending=_ending(assignment, manifest, run, step + 1 < count))


def _ending(assignment: Assignment, manifest: RoleManifest, run: Run, goes_on: bool) -> Ending | None:
    card = may_end(assignment.card, assignment.run_id)
    if goes_on or card is None or run.started is None:
        return None
    return Ending(run.started, manifest.artifact.name, manifest.artifact.kind, card)


def call_with_tools(
    assignment: Assignment,
    manifest: RoleManifest,
    run: Run,
    ask: Ask,
    messages: tuple[Message, ...],
    system: str,
    served: tuple[ToolSpec, ...] = (),
) -> Call:
    """The next call of a run that works with tools. Nothing is held ahead: nobody knows what a tool will say.
    `served`: tools of servers."""
    assert run.started is not None
    call = call_of_run(assignment, manifest, run, ask, system, messages, ask.room(manifest.work_output_tokens))
    return replace(call, tools=tuple(TOOLS[name].spec() for name in offered_tools(run) if name in TOOLS) + served)


def call_of_run(
    assignment: Assignment,
    manifest: RoleManifest,
    run: Run,
    ask: Ask,
    system: str,
    messages: tuple[Message, ...],
    limit: int,
    *,
    step: int | None = None,
) -> Call:
    """`limit`: of the answer, in tokens. `step`: None for the one behind the last answer."""
    step = len(run.answers) if step is None else step
    return Call(
        origin=assignment.origin,
        charge=charge(assignment),
        call_id=f"{assignment.run_id}/{step}",
        step=step,
        attempt=run.next_attempt(step),
        run_version=run.version,
        routing=routing(assignment.task, manifest),
        system=system,
        messages=messages,
        max_output_tokens=limit,
        temperature=manifest.temperature,
        waiting=run.waiting,
        excluded=ask.refused_by,
        maybe_billed_left=ask.maybe_billed_left,
    )


def _step(manifest: RoleManifest, number: int) -> RunStep:
    return manifest.steps[number % len(manifest.steps)]


def charge(assignment: Assignment) -> Charge:
    return Charge(
        project_id=assignment.task.project_id,
        task_id=assignment.task.id,
        run_id=assignment.run_id,
        agent_id=assignment.agent_id,
        role=assignment.role,
        task_type=assignment.task.task_type,
    )


def routing(task: Task, manifest: RoleManifest) -> Routing:
    """Complexity and quality come from the task's context, where the person or tool that made it put them."""
    asked = task.context.get("complexity")
    return Routing(
        task_type=task.task_type,
        size=manifest.model_tier,
        complexity=next((one for one in COMPLEXITIES if one == asked), "medium"),
        critical=task.context.get("quality") == "critical",
        prefers=manifest.prefers,
    )


def brief(task: Task) -> str:
    """The task as the model reads it."""
    lines = [f"# Task: {task.title}", "", f"Kind: {task.type.value}. Priority: {task.priority} of 100."]
    if task.deadline is not None:
        lines.append(f"Deadline: {task.deadline.isoformat()}.")
    if task.description:
        lines += ["", task.description]
    if CONTEXT_KEY in task.context:
        lines += ["", NOTE]
    if task.context:
        lines += ["", "Context:", *(f"- {key}: {value}" for key, value in sorted(task.context.items()))]
    if task.comment:
        lines += ["", f"The last attempt was sent back with this comment: {task.comment}"]
    return "\n".join(lines)
