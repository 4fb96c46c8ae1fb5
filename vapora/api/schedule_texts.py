"""What the fields of schedules mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

_SCHEDULE = {
    "cron": "Minute, hour, day of the month, month, day of the week, as in 30 9 * * MON-FRI.",
    "zone": "The IANA time zone that the times are meant in, such as Europe/Berlin.",
    "task": "The body of the task that it makes, as for POST /tasks; null: it begins a workflow.",
    "workflow_id": "The workflow of which it begins a run; null: it makes a task.",
    "inputs": "What the workflow's run is given.",
    "project_id": "The project of the workflow's run, where its definition names none.",
    "enabled": "False: it is paused, and what would have been due meanwhile is not missed.",
    "overlap": "True: it fires also while what it began before is under way.",
    "catch_up": "What to do about times that nobody saw: none (leave them out), last (fire once for the last one), "
    "all (fire for each, one after the other).",
    "catch_up_limit": "Of those that were missed, all makes up for the last so many.",
}
SHAPES: dict[str, dict[str, str]] = {
    "SetSchedule": _SCHEDULE,
    "EditSchedule": _SCHEDULE,
    "FireSchedule": {"overlap": "True: also while what it began before is under way."},
    "ScheduleView": {
        "id": "The schedule's id.",
        **_SCHEDULE,
        "next_at": "When it is due; in the past while it waits for what it began. Null: never, or it is paused.",
        "last_outcome": "What came of the last time: fired, missed, overlap or refused; null: there was none.",
        "last_due_at": "When that was due; null: a person had it fire, or there was none.",
        "last_id": "The task or the run of a workflow that it began then.",
        "updated_at": "When it was set last.",
    },
    "FiringView": {
        "schedule_id": "The schedule's id.",
        "position": "The position of the event in the log.",
        "outcome": "fired; missed: nobody saw it in time; overlap: what it began before was under way; refused: it "
        "could not be begun.",
        "due_at": "When it was due, in UTC; null: a person had it fire.",
        "at": "When that was done or seen.",
        "by": "Who did it: scheduler, or who had it fire.",
        "task_id": "The task that it made; null: none.",
        "workflow_run_id": "The run of a workflow that it began; null: none.",
        "count": "How often it was due and began nothing, at last at due_at.",
        "more": "True: it was more often than is counted.",
        "detail": "Why it was refused; else empty.",
    },
    "ScheduleFired": {
        "id": "Of the task, or of the run of a workflow, that it began.",
        "kind": "task or workflow-run.",
    },
}
PARAMETERS = {"schedule_id": "The schedule's id: small letters, digits and hyphens."}
