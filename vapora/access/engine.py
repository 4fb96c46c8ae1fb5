"""The policies, asked. Whatever cannot be decided is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import cedarpy
import structlog

from vapora.access.entities import entities, uid_of
from vapora.access.schema import schema
from vapora.access.statements import statements
from vapora.domain.access import ACTIONS, UNTOUCHABLE, Decision, Principal, Question, Served
from vapora.errors import BadInputError

_SETS: Final = ("people", "agents")
MOST_POLICIES = 100
# Decisions are kept: the same question has the same answer for as long as nothing that it names has changed.
_KEPT = 10_000
_KEPT_TEXTS = 200

_log = structlog.get_logger("access")


def shipped() -> str:
    """All policies that hold everywhere, as one text."""
    return "\n".join(_text(name) for name in _SETS)


def _text(name: str) -> str:
    """Of the policies about `people` or about `agents`."""
    folder = files(__package__).joinpath("policies", name)
    found = sorted((one for one in folder.iterdir() if one.name.endswith(".cedar")), key=_name)
    return "\n".join(one.read_text(encoding="utf-8") for one in found)


def _name(file: Traversable) -> str:
    return file.name


class Engine:
    """`texts`: the policies that hold in every workspace, for people (and programs of theirs) and for agents. A
    workspace's own text comes with each question, so that another one holds from the next question on."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self.texts = dict(texts) if texts is not None else {name: _text(name) for name in _SETS}
        self._sets = {name: cedarpy.PolicySet.from_str(text) for name, text in self.texts.items()}
        self._with_own = lru_cache(_KEPT_TEXTS)(self._add)
        self.decide = lru_cache(_KEPT)(self._decide)

    def may(self, question: Question, own: str = "") -> bool:
        return self.decide(question, own).allowed

    def _decide(self, question: Question, own: str = "") -> Decision:
        """`own`: the Cedar text of the workspace that the question is about."""
        if question.action not in ACTIONS:
            return Decision(False, reason="There is no such action.")
        asks, resource = question.principal, question.resource
        try:
            policies = self._with_own(_set_of(asks), own if _heeds_own(question) else "")
            answer = cedarpy.is_authorized(
                {
                    "principal": uid_of(asks),
                    "action": {"type": "Action", "id": question.action},
                    "resource": {"type": resource.kind, "id": resource.id},
                    "context": _context(question),
                },
                policies,
                entities(asks, resource),
            )
        except ValueError as error:
            _log.error("no decision", action=question.action, workspace=resource.workspace, error=str(error))
            return Decision(False, reason="The policies could not be asked.")
        return self._read(question, answer)

    def _read(self, question: Question, answer: cedarpy.AuthzResult) -> Decision:
        said = answer.diagnostics
        if said.errors:
            # Cedar leaves such a policy out; where it would have forbidden, what is left allows.
            _log.error(
                "a policy failed", action=question.action, workspace=question.resource.workspace, errors=said.errors
            )
            return Decision(False, reason="A policy could not be evaluated.")
        names = said.id_annotations_by_reason
        decisive = tuple(sorted(names.get(one) or "a policy without @id" for one in said.reasons))
        if answer.allowed:
            return Decision(True, decisive)
        if decisive:
            return Decision(False, decisive, f"Forbidden by: {', '.join(decisive)}.")
        return Decision(False, reason="No policy allows it.")

    def _add(self, name: str, own: str) -> cedarpy.PolicySet:
        """Raises `ValueError` for a text that cannot be read."""
        return self._sets[name].with_added_str(own) if own.strip() else self._sets[name]


def _set_of(asks: Principal) -> str:
    return "agents" if asks.kind == "Agent" else "people"


def _heeds_own(question: Question) -> bool:
    """The operator owns the installation, and policies can always be mended."""
    return (
        question.resource.kind != "Installation"
        and question.principal.kind != "Operator"
        and question.action not in UNTOUCHABLE
    )


def _context(question: Question) -> dict[str, str | bool]:
    if ACTIONS[question.action].level != "agents":
        return {}
    served = question.served or Served("", "", False, False)
    return {"path": question.path, "own_work": question.own_work, **asdict(served)}


def check(text: str) -> None:
    """Whether a workspace may have this as its own policies. Raises `BadInputError` with the line and what is wrong
    there; the text is taken as a whole or not at all."""
    found = statements(text)
    if len(found) > MOST_POLICIES:
        raise _refused(f"A workspace may have {MOST_POLICIES} policies; these are {len(found)}.")
    for one in found:
        try:
            read = cedarpy.PolicySet.from_str(one.text)
        except ValueError as error:
            raise _refused(f"Line {one.line}: {error}.") from None
        if read.templates():
            raise _refused(f"Line {one.line}: this is a template, which decides nothing.")
        wrong = cedarpy.validate_policies(one.text, schema()).errors
        if wrong:
            raise _refused(f"Line {one.line}: {_sentence(wrong[0].error)}")


def _sentence(error: str) -> str:
    """Without the number that Cedar gave the policy: it is alone in what was read."""
    said = error.removeprefix("for policy `policy0`, ").strip()
    return f"{said[:1].upper()}{said[1:]}."


def _refused(message: str) -> BadInputError:
    return BadInputError(
        message,
        remedy="Nothing was changed. docs/permissions.md names all actions, principals and resources.",
        field="text",
    )
