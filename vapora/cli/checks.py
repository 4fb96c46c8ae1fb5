"""The single checks of `vapora doctor`. Each gives findings; none changes anything, none shows a key."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

import vapora
from events.ids import DEFAULT_WORKSPACE
from vapora import package_guard as rooms

if TYPE_CHECKING:
    from vapora.errors import NewerEventError
    from vapora.log import EventLog
    from vapora.settings import Settings
    from vapora.startup.lock import Owner

_LIBRARIES = ("ray", "fastapi", "eventsourcing", "pydantic", "httpx", "websockets", "uvicorn", "yaml")
_ROOM_BYTES = 1024**3
_REACH_S = 3.0
_REAL = "For real work set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or OLLAMA_HOST."


class Finding(BaseModel):
    """What a check found. `warn`: works, but is worth a look; `bad`: the doctor fails."""

    model_config = ConfigDict(frozen=True)

    check: str
    state: Literal["good", "warn", "bad"]
    detail: str
    remedy: str = ""


def good(check: str, detail: str) -> Finding:
    return Finding(check=check, state="good", detail=detail)


def warn(check: str, detail: str, remedy: str = "") -> Finding:
    return Finding(check=check, state="warn", detail=detail, remedy=remedy)


def bad(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check=check, state="bad", detail=detail, remedy=remedy)


def python() -> Iterator[Finding]:
    # An interpreter too old could not have come this far: what matters is which one it is.
    yield good("python", f"{'.'.join(str(part) for part in sys.version_info[:3])} at {sys.executable}")


def libraries() -> Iterator[Finding]:
    """Found, not imported: the doctor should answer at once."""
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        yield bad("libraries", f"missing: {', '.join(missing)}", "Install VAPORA again: `pip install vapora`.")
    else:
        yield good("libraries", f"all {len(_LIBRARIES)} there")


def packages() -> Iterator[Finding]:
    """The four rooms belong together; PyPI's `Events` also installs an `events`."""
    here = Path(vapora.__file__).parent.parent
    try:
        rooms.check(here)
    except ImportError as error:
        yield bad("packages", str(error), "")
    else:
        yield good("packages", f"all {len(rooms.ROOMS)} in {here}")


def agents_in_python() -> Iterator[Finding]:
    """Those of installed packages; nothing where there are none. To look at them is to import them, as a start does."""
    from vapora.agents.installed import installed

    crew = installed()
    wrong = dict(crew.broken)
    if crew.agents:
        from vapora.dispatch.code_agents import faults

        wrong |= faults(crew)
    if able := [one for one in crew.agents if one not in wrong]:
        yield good("agents in Python", ", ".join(able))
    for name, why in wrong.items():
        yield warn("agents in Python", f"{name} is left out: {why}", "Mend its package, or remove it, and start again.")


def data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield bad("data", f"{existing} cannot be written to by this user", "Change its rights, or set VAPORA_DATA.")
        return
    if not folder.exists():
        yield good("data", f"{folder} does not exist yet, and can be made")
    elif folder.stat().st_mode & 0o007:
        yield warn("data", f"{folder} is open to every user of this machine", f"chmod o-rwx {folder}")
    else:
        yield good("data", f"{folder} is writable")
    free = shutil.disk_usage(existing).free
    if free < _ROOM_BYTES:
        yield warn("disk", f"{free // 1024**2:,} MiB are free", "Make room: a full disk stops the log.")
    else:
        yield good("disk", f"{free // 1024**3:,} GiB are free")


def read_models(settings: Settings) -> Iterator[Finding]:
    """Of every workspace in the data folder, as its log and read models say."""
    from projections.engine.store import StoreReader
    from vapora.cli.offline import open_log
    from vapora.errors import NewerEventError, VaporaError
    from vapora.log.clock_correction import REMEDY, behind
    from vapora.log.places import workspaces

    try:
        found = sorted(workspaces(settings))
    except VaporaError as error:
        yield bad("database", error.message, error.remedy)
        return
    if settings.database_url is not None:
        yield good("database", f"PostgreSQL answers, and holds {len(found)} workspaces")
    for workspace in found:
        name = f"workspace {workspace}"
        try:
            with open_log(settings, workspace) as log:
                head, newer, lag = log.head(), _newer(log), -log.since_last()
            if wrong := behind(lag):
                yield bad(name, wrong, REMEDY)
            reader = StoreReader(settings.read_place(workspace))
            if not reader.exists():
                yield warn(name, f"{head:,} events, and no read models yet", "The server builds them when it starts.")
                continue
            with reader.snapshot() as rows:
                checkpoints, rebuilds = rows.checkpoints(), rows.rebuilds()
            reader.close()
        except VaporaError as error:
            yield bad(name, error.message, error.remedy)
            continue
        for beyond in newer:
            yield warn(name, beyond.message, beyond.remedy)
        failed = {one: at.failure for one, at in checkpoints.items() if at.failure is not None}
        for one, failure in failed.items():
            remedy = f"Mend the cause, then `vapora rebuild {one}`."
            if failure.error.startswith(NewerEventError.__name__):
                remedy = "It goes on by itself once the newer version has been started."
            yield bad(name, f"the projection {one} stopped at {failure}", remedy)
        for one, beside in rebuilds.items():
            if beside.failure is not None:
                told = f"the rebuild of {one} stopped at {beside.failure}; the rows before it are still served"
                yield bad(name, told, f"Mend the cause, then `vapora rebuild {one}`.")
            else:
                yield warn(name, f"{one} is being rebuilt, up to {beside.position:,} of {head:,}")
        if not failed:
            yield good(name, f"{head:,} events, {len(checkpoints)} projections")


def _newer(log: EventLog) -> list[NewerEventError]:
    """What this version cannot read of the last event of each topic: a newer one wrote it, and perhaps more before."""
    from events import Unknown
    from vapora.errors import CorruptLogError, NewerEventError
    from vapora.log import open_record

    found: list[NewerEventError] = []
    for position in log.topics().values():
        # What is damaged, the read models that stop there say, and `vapora audit verify`.
        with suppress(CorruptLogError):
            event = open_record(log.after(position - 1, 1)[0], lenient=True).event
            if isinstance(event, Unknown):
                found.append(NewerEventError.at(position, event.why))
    return found


def providers(environ: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    """Names only. Reachable means that something answers at the address: no request is made, no key is sent."""
    from vapora.errors import ConfigurationError
    from vapora.llm.catalogue import installed
    from vapora.llm.factory import configured

    try:
        known = installed(settings)
    except ConfigurationError as error:
        yield bad("providers", error.message, error.remedy)
        return
    named = configured(environ, known)
    if not named:
        yield warn(
            "providers",
            "none is configured: the rehearsal model answers",
            _REAL,
        )
    for provider in named:
        endpoint = known.endpoint(provider)
        url = endpoint.where(environ)
        host, port = _place(url if "//" in url else f"http://{url}")
        fault = _unreachable(host, port)
        if fault is None:
            yield good("providers", f"{provider} is configured, and {host}:{port} answers")
        else:
            told = f"{provider} is configured, but {host}:{port} does not answer: {fault}"
            yield warn("providers", told, f"Check the network, a proxy, and {endpoint.address or 'url'}.")


def vault(settings: Settings) -> Iterator[Finding]:
    """Whether the secrets of workspaces can be decrypted. Nothing is made, and no value is read."""
    from vapora.errors import VaporaError
    from vapora.vault import open_vault

    try:
        opened = open_vault(settings)
        try:
            opened.check()
        finally:
            opened.close()
    except VaporaError as error:
        yield bad("secrets", error.message, error.remedy)
        return
    if settings.vault_url:
        yield good("secrets", "they are in OpenBao, which answers")
    elif settings.database_url is not None:
        yield good("secrets", "they are in the database, encrypted, and the key fits")
    elif settings.vault_file.exists():
        yield good("secrets", f"they are in {settings.vault_file}, encrypted, and the key fits")


def queue(settings: Settings) -> Iterator[Finding]:
    """Whether NATS would let us in, where it is configured. Nothing is made there."""
    from vapora.errors import ConfigurationError
    from vapora.queue.nats.options import options_of

    try:
        options = options_of(settings)
    except ConfigurationError as error:
        yield bad("queue", error.message, error.remedy)
        return
    if options is None:
        yield good("queue", "the log itself")
        return
    from vapora.queue.nats.link import problem_with

    problem = problem_with(options)
    if problem is None:
        yield good("queue", f"NATS at {options.place} answers, with JetStream")
    else:
        yield warn("queue", problem, "Work goes on from the log meanwhile.")


def running(owner: Owner, settings: Settings) -> Iterator[Finding]:
    """Who works on this data, and whether it is the same installation as this command."""
    yield good("server", f"process {owner.pid} works on this data, at {owner.url}")
    ours = str(settings.log_place(DEFAULT_WORKSPACE))
    if owner.log != ours:
        yield warn(
            "server",
            f"it keeps its log in {owner.log}, and this shell looks into {ours}",
            "Set VAPORA_DATABASE_URL here as it is set there.",
        )
    if owner.version != vapora.__version__:
        told = f"it is version {owner.version}, and this command is {vapora.__version__}"
        yield warn("server", told, "Start the server again after an upgrade.")


def server(url: str, token: str | None) -> Iterator[Finding]:
    from vapora.cli.remote import trusted
    from vapora.errors import VaporaError
    from vapora.sdk import Client, NoServerError

    try:
        with Client(url, token=token, timeout=5, tls=trusted(url)) as client:
            health = client.health()
    except NoServerError:
        yield warn("server", f"nobody answers at {url}", "Start it with `vapora up` if it should run.")
        return
    except VaporaError as error:
        yield bad("server", f"{url}: {error.message}", error.remedy)
        return
    if health.status == "ok":
        yield good("server", f"{url} is well: version {health.version}, model {health.model}")
        yield good("workspaces", f"{health.cells.awake:,} awake, {health.cells.asleep:,} asleep until they are needed")
    else:
        yield bad("server", f"{url} is {health.status}: {health.reason}", "Look into its journal.")
    for problem in health.problems:
        yield bad("server", problem, "Look into its journal.")
    up = [name for name, state in health.providers.items() if state == "up"]
    if health.model == "rehearsal":
        yield warn("server", "no real model answers there: it rehearses", _REAL)
    elif up:
        yield good("server", f"its providers answer: {', '.join(up)}")
    for name, state in health.providers.items():
        if state != "up":
            yield warn("server", f"provider {name} is {state}")
    for model, why in health.paused_models.items():
        yield warn("server", f"model {model} is paused: {why}", "It is asked again by itself; others take over.")


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    usual = 443 if parts.scheme == "https" else 11434 if "11434" in url else 80
    try:
        return parts.hostname or "", parts.port or usual
    except ValueError:
        return parts.hostname or "", usual


def _unreachable(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), timeout=_REACH_S).close()
    except OSError as error:
        return str(error)
    return None
