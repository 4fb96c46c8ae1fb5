"""Made from async_work.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.pages import Pages
from vapora.sdk.paths import Position, named_file, path
from vapora.sdk.retries import key_for
from vapora.sdk.shapes import Changes
from vapora.sdk.transport import Transport

Strategy = Literal["squash", "merge", "rebase"]


class Work(Transport):
    """What stands on branches of tasks, what is said about it, and where it goes.

    What can have commands run (merging, pushing, accepting a file, a project's repository) needs the operator's token:
    `Client(token=…)` with the text of the file `operator_token` in the server's data folder.
    """

    # --- a project's repository ---

    def repository(self, project_id: str, after: Position = None) -> views.RepositoryView:
        """Branches and worktrees; or `problem`, which says why it cannot be worked in."""
        return self._get(path("projects", project_id, "repo"), views.RepositoryView, {"after": after})

    def project_file(self, project_id: str, after: Position = None) -> views.ProjectFile:
        """`.vapora/project.toml` of the base branch, with the `sha256` that `accept_file` takes."""
        return self._get(path("projects", project_id, "file"), views.ProjectFile, {"after": after})

    def accept_file(self, project_id: str, sha256: str, key: str | None = None) -> views.Accepted:
        """The commands of just this text may be run from now on."""
        body = commands.AcceptProjectFile(sha256=sha256)
        return self._ask("POST", path("projects", project_id, "accept-file"), views.Accepted, body, key)

    def pause_project(self, project_id: str, reason: str = "") -> views.Accepted:
        """Nothing of it starts, and no new model call goes out."""
        body = commands.Pause(reason=reason)
        return self._ask("POST", path("projects", project_id, "pause"), views.Accepted, body)

    def resume_project(self, project_id: str) -> views.Accepted:
        return self._ask("POST", path("projects", project_id, "resume"), views.Accepted)

    def pause(self, reason: str = "") -> views.Accepted:
        """The whole workspace."""
        return self._ask("POST", "/pause", views.Accepted, commands.Pause(reason=reason))

    def resume(self) -> views.Accepted:
        """The whole workspace."""
        return self._ask("POST", "/resume", views.Accepted)

    # --- a task's branch ---

    def changes(
        self, task_id: str, run_id: str | None = None, attempt: int | None = None, after: Position = None
    ) -> Changes:
        """Commits, files, patch and checks of its branch; of one run or attempt alone where that is named."""
        query = {"run": run_id, "attempt": attempt, "after": after}
        return self._get(path("tasks", task_id, "changes"), Changes, query)

    def file(self, task_id: str, file_path: str, ref: str | None = None, after: Position = None) -> views.FileText:
        """A file of its branch, at the commit `ref` or the newest."""
        return self._get(
            path("tasks", task_id, "files"), views.FileText, {"path": file_path, "ref": ref, "after": after}
        )

    def merge(
        self,
        task_id: str,
        strategy: Strategy = "squash",
        message: str = "",
        force: bool = False,
        key: str | None = None,
    ) -> views.Merged:
        """Make its approved work part of the project's branch. `force`: although a check is red."""
        body = commands.MergeTask(strategy=strategy, message=message, force=force)
        return self._ask("POST", path("tasks", task_id, "merge"), views.Merged, body, key)

    def push(self, task_id: str, key: str | None = None) -> views.Pushed:
        """Its branch alone, to the project's remote."""
        return self._ask("POST", path("tasks", task_id, "push"), views.Pushed, None, key)

    def resolve(self, task_id: str, comment: str = "") -> views.Accepted:
        """Send work that could not be merged back to its agent."""
        body = commands.ResolveTask(comment=comment)
        return self._ask("POST", path("tasks", task_id, "resolve"), views.Accepted, body)

    def approve(self, task_id: str, head: str, comment: str = "") -> views.Accepted:
        """Just the commit `head`: refused as `review-outdated` where the branch has moved since."""
        body = commands.ApproveTask(head=head, comment=comment)
        return self._ask("POST", path("tasks", task_id, "approve"), views.Accepted, body)

    def request_changes(
        self, task_id: str, head: str, comment: str = "", comments: Sequence[commands.CommentOnLine] = ()
    ) -> views.Accepted:
        """Send it back to its author."""
        body = commands.RequestChanges(head=head, comment=comment, comments=tuple(comments))
        return self._ask("POST", path("tasks", task_id, "request-changes"), views.Accepted, body)

    # --- comments ---

    def comments(self, task_id: str, after: Position = None, limit: int | None = None) -> Pages[views.Comment]:
        """What people and agents said on the card, the oldest first."""
        return self._items(path("tasks", task_id, "comments"), views.Comment, {"after": after}, limit)

    def comment(
        self, task_id: str, comment: commands.CommentTask | str, answers: str | None = None, key: str | None = None
    ) -> views.CommentMade:
        """A text, or a comment on a line. `answers`: the `call_id` of the question that the text answers."""
        body = comment
        if isinstance(body, str):
            given = {} if answers is None else {"answers": answers}
            body = commands.CommentTask.model_validate({"text": body, **given})
        return self._ask("POST", path("tasks", task_id, "comments"), views.CommentMade, body, key)

    # --- files ---

    def attach(
        self, task_id: str, file: Path | str | bytes, name: str | None = None, key: str | None = None
    ) -> views.AttachmentMade:
        """Put a file on a card: a path, or its bytes with a `name`. Its next run is told of it, and a model that can
        see is shown an image. Refused where another file has the name, and where it is too large."""
        sent = {"file": named_file(file, name)}
        address = path("tasks", task_id, "attachments")
        answer = self._send("POST", address, files=sent, headers=key_for("POST", address, key))
        return self._parse(answer, views.AttachmentMade)

    def attachments(self, task_id: str, after: Position = None) -> Rows[views.Attachment]:
        """In the order in which they were added."""
        page = self._get(path("tasks", task_id, "attachments"), views.Page[views.Attachment], {"after": after})
        return Rows(page.items)

    def attachment(self, task_id: str, name: str, after: Position = None) -> bytes:
        """The file as it came."""
        return self._bytes(path("tasks", task_id, "attachments", name), {"after": after})

    def detach(self, task_id: str, name: str) -> int:
        """Take a file off a card; the position."""
        return self._write("DELETE", path("tasks", task_id, "attachments", name))

    # --- attempts ---

    def attempts(self, task_id: str, after: Position = None) -> Rows[views.Attempt]:
        page = self._get(path("tasks", task_id, "attempts"), views.Page[views.Attempt], {"after": after})
        return Rows(page.items)

    def start_attempt(
        self,
        task_id: str,
        agent: str | None = None,
        model: str | None = None,
        from_step: int | None = None,
        key: str | None = None,
    ) -> views.Accepted:
        """Another run of the card, on a branch of its own: from the base, or after a step of its newest run."""
        said = {"agent": agent, "model": model, "from_step": from_step}
        body = {name: value for name, value in said.items() if value is not None}
        return self._ask("POST", path("tasks", task_id, "attempts"), views.Accepted, body, key)

    def pick_attempt(self, task_id: str, number: int) -> views.Accepted:
        """Its work becomes the card's."""
        return self._ask("POST", path("tasks", task_id, "attempts", str(number), "pick"), views.Accepted)

    # --- runs ---

    def steps(self, run_id: str, after: Position = None, limit: int | None = None) -> Pages[views.Step]:
        """What a run did and is doing, in order."""
        return self._items(path("runs", run_id, "steps"), views.Step, {"after": after}, limit)

    def brief(self, run_id: str, after: Position = None) -> views.RunBrief:
        """What its model was told first."""
        return self._get(path("runs", run_id, "brief"), views.RunBrief, {"after": after})

    def content(self, run_id: str, sha256: str) -> str:
        """A text of a run that is too large to stand in a step."""
        return self._text(path("runs", run_id, "content", sha256))

    def cancel_run(self, run_id: str, reason: str = "") -> views.Accepted:
        body = commands.CancelRunBody(reason=reason)
        return self._ask("POST", path("runs", run_id, "cancel"), views.Accepted, body)

    def pause_run(self, run_id: str, reason: str = "") -> views.Accepted:
        body = commands.Pause(reason=reason)
        return self._ask("POST", path("runs", run_id, "pause"), views.Accepted, body)

    def resume_run(self, run_id: str) -> views.Accepted:
        return self._ask("POST", path("runs", run_id, "resume"), views.Accepted)

    def decide_tool_call(
        self, run_id: str, decision: Literal["allow", "refuse"], seen: str, comment: str = ""
    ) -> views.Accepted:
        """Of a run that has read text of strangers and wants to send something out. `seen`: the digest on the card."""
        body = commands.DecideToolCallBody(decision=decision, seen=seen, comment=comment)
        return self._ask("POST", path("runs", run_id, "tool-call"), views.Accepted, body)
