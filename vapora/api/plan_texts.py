"""What the fields of plans mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

_PLAN = {
    "id": "The plan's id.",
    "goal": "What shall be true in the end, as it was asked for.",
    "state": "proposing, proposed, failed, accepted or dismissed.",
    "task_id": "The card that it is planned by.",
    "task_ids": "The cards that were made of it; empty until it is accepted.",
}
_CARD = {
    "title": "What the card is called.",
    "type": "What kind of work a person calls it: feature, bugfix, enhancement or tech-debt.",
    "key": "Tells the card from the plan's others.",
    "waits_for": "Keys of the cards that have to be done before.",
    "risk": "What may go wrong, and its early sign.",
    "role": "Who shall do it; null: whoever can.",
    "task_type": "What kind of work it is; null: inferred.",
}
SHAPES: dict[str, dict[str, str]] = {
    "AskPlan": {"goal": "What shall be true in the end."},
    "RevisePlan": {"text": "What shall be different."},
    "AcceptPlan": {
        "seen": "The digest that the plan was shown with.",
        "cards": "As they shall be made; absent: as they were proposed.",
    },
    "DismissPlan": {"reason": "Why; for the audit trail."},
    "PlannedCard": _CARD,
    "PlanSummary": _PLAN,
    "PlanView": {
        **_PLAN,
        "rounds": "What was asked for and answered, the goal first.",
        "cards": "The proposal, each card with what it may cost and take.",
        "risks": "Of the whole plan.",
        "seen": "The digest of what is shown: an acceptance names it. Null: there is no proposal.",
        "problem": "Why there is no proposal; empty where nothing is wrong.",
        "cost_microusd": "Medians of all cards together; null where one has no data.",
        "duration_ms": "Medians of all cards together, one after the other; null where one has no data.",
    },
    "PlanCards": {"id": "The plan's id.", "task_ids": "The new cards, in the order of the work."},
    "PlanMade": {"id": "The plan's id.", "task_id": "The card that it is planned by."},
    "PlanRound": {
        "text": "What was asked for.",
        "by": "Who asked.",
        "at": "When.",
        "task_id": "The card that it was planned by.",
        "answer": "What the project manager said beside the cards; null: nothing yet.",
    },
    "ProposedCard": {**_CARD, "estimate": "What cards of its kind came to."},
    "CardEstimate": {
        "task_type": "The kind of work that was looked at.",
        "cost_microusd": "In micro-dollars; null: fewer than five past cards.",
        "duration_ms": "Agents' work in milliseconds; null: fewer than five past cards.",
        "simulated": "Whether the past cards were rehearsals, whose money is none.",
    },
    "Range": {
        "cards": "How many past cards.",
        "low": "The least.",
        "median": "As many came to more as to less.",
        "high": "The most.",
    },
}
PARAMETERS = {"plan_id": "The plan's id."}
