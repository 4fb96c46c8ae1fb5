"""What an agent says to a model: the pure part of a run."""

from __future__ import annotations

from collections.abc import Callable

from actors.messages import Assignment, Call, FollowUp
from events.budget import Charge
from events.content import Content
from events.run import RunStarted
from vapora.catalog import RoleManifest
from vapora.domain.next_step import Ask
from vapora.domain.routing import COMPLEXITIES, Routing
from vapora.domain.run import Run
from vapora.domain.task import Task
from vapora.llm.protocol import Message

_SUMMARY_CHARACTERS = 200


def run_started(assignment: Assignment, steps: tuple[str, ...], simulated: bool) -> RunStarted:
    task = assignment.task
    return RunStarted(
        run_id=assignment.run_id,
        task_id=task.id,
        project_id=task.project_id,
        agent_id=assignment.agent_id,
        role=assignment.role,
        task_type=task.task_type,
        steps=steps,
        simulated=simulated,
    )


def call_for(
    assignment: Assignment, manifest: RoleManifest, run: Run, ask: Ask, text: Callable[[Content], str], *, held: bool
) -> Call:
    """The call of the run's next step: the conversation so far and this step's instruction."""
    step = len(run.answers)
    task = assignment.task
    instructions = [one.instruction for one in manifest.steps]
    messages = [Message(role="user", text=f"{brief(task)}\n\n{instructions[0]}")]
    for answer, instruction in zip(run.answers, instructions[1:], strict=False):
        messages.append(Message(role="assistant", text=text(answer.answer)))
        messages.append(Message(role="user", text=instruction))
    following = None
    if step + 1 < len(manifest.steps):
        after = manifest.steps[step + 1]
        following = FollowUp(after.instruction, manifest.output_tokens(after))
    return Call(
        origin=assignment.origin,
        charge=charge(assignment),
        call_id=f"{assignment.run_id}/{step}",
        step=step,
        attempt=run.next_attempt(step),
        run_version=run.version,
        routing=routing(task, manifest),
        system=manifest.prompt,
        messages=tuple(messages),
        max_output_tokens=ask.room(manifest.output_tokens(manifest.steps[step])),
        temperature=manifest.temperature,
        waiting=run.waiting,
        held=held,
        follow_up=following,
        excluded=ask.refused_by,
        maybe_billed_left=ask.maybe_billed_left,
    )


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
    )


def brief(task: Task) -> str:
    """The task as the model reads it."""
    lines = [f"# Task: {task.title}", "", f"Kind: {task.type.value}. Priority: {task.priority} of 100."]
    if task.deadline is not None:
        lines.append(f"Deadline: {task.deadline.isoformat()}.")
    if task.description:
        lines += ["", task.description]
    if task.context:
        lines += ["", "Context:", *(f"- {key}: {value}" for key, value in sorted(task.context.items()))]
    if task.comment:
        lines += ["", f"The last attempt was sent back with this comment: {task.comment}"]
    return "\n".join(lines)


def summary_of(work: str) -> str:
    """The first line that says something, for the card."""
    for line in work.splitlines():
        plain = line.strip().lstrip("#").strip()
        if plain:
            return plain if len(plain) <= _SUMMARY_CHARACTERS else plain[: _SUMMARY_CHARACTERS - 1] + "…"
    return ""
