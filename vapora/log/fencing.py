"""Who may write to a log. Each store keeps one row for it: format, workspace, and the epoch of the newest writer."""

from __future__ import annotations

from dataclasses import dataclass

from vapora.errors import FencedError, LogError


@dataclass(slots=True)
class Writership:
    """`place` is where the log is, `known` the newest format that this code reads; `epoch` is None until `take`."""

    place: object
    known: int
    container: str
    epoch: int | None = None

    def take(self, workspace: str, owner: str, form: int, epoch: int) -> None:
        """Become the writer, by what the row holds once its epoch was raised for this one."""
        self._require_format(form)
        if owner != workspace:
            raise LogError(
                f"The log at {self.place} belongs to the workspace {owner!r}, not to {workspace!r}.",
                remedy=f"Each workspace has a {self.container} of its own.",
            )
        self.epoch = epoch

    def owner(self, row: tuple[str, int] | None) -> str:
        """The workspace that the log belongs to, by its row (workspace and format)."""
        if row is None:
            raise LogError(f"The log at {self.place} was never opened by a writer.", remedy="Start the workspace once.")
        self._require_format(row[1])
        return row[0]

    def require(self, epoch: int) -> None:
        """`FencedError` where the row holds another epoch: another writer has taken over."""
        if self.epoch is not None and epoch != self.epoch:
            raise FencedError(
                f"Another writer has taken over the log at {self.place}.",
                remedy="This one must stop; ask the new one.",
                path=str(self.place),
            )

    def _require_format(self, form: int) -> None:
        if form > self.known:
            raise LogError(
                f"The log at {self.place} has format {form}; this VAPORA knows formats up to {self.known}.",
                remedy="Use the version of VAPORA that wrote it, or a newer one.",
            )
