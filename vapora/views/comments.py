"""What people and agents say on a card."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from vapora.views.base import View

CommentKind = Literal["comment", "question", "answer", "approval", "changes-requested"]


class Comment(View):
    """`thread`: comments that belong together have the same; a question and its answer too. `agent_id` is set where an
    agent said it, `actor` says who did. `head`: the commit that it is about. `call_id` is a question's, and is what an
    answer names as `answers`. `open`: a question that nobody has answered, and whose run still waits for it."""

    id: str
    task_id: str
    kind: CommentKind
    text: str
    thread: str
    path: str | None = None
    line: int | None = None
    side: Literal["old", "new"] = "new"
    head: str | None = None
    actor: str
    agent_id: str | None = None
    run_id: str | None = None
    call_id: str | None = None
    answers: str | None = None
    open: bool = False
    at: datetime
    position: int


class CommentMade(View):
    """`id`: the comment's."""

    id: str
    task_id: str
    position: int
