"""What the command line keeps of servers: who is signed in at each, and in which workspace one works there.

One file in the user's configuration folder, readable to its owner alone. Processes that renew a session at the same
time wait for each other at a lock beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vapora import durable, file_lock
from vapora.errors import ConfigurationError
from vapora.private_dirs import make_private

if TYPE_CHECKING:
    from vapora.sdk.session import Kept

# A renewal takes one request of at most 30 s.
_PATIENCE_S = 40.0
_SESSION = ("access_token", "refresh_token", "expires_at", "email")


def folder() -> Path:
    """`$XDG_CONFIG_HOME/vapora`, else `~/.config/vapora`."""
    base = os.environ.get("XDG_CONFIG_HOME", "").strip()
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".config") / "vapora"


class Servers:
    """All that is kept. `servers`: by address; `latest`: where somebody signed in last."""

    def __init__(self, place: Path | None = None) -> None:
        self._place = place or folder() / "servers.json"
        self._is_held = False

    def of(self, url: str) -> dict[str, Any]:
        found = self._read()["servers"].get(url)
        return found if isinstance(found, dict) else {}

    @property
    def latest(self) -> str | None:
        found = self._read().get("latest")
        return found if isinstance(found, str) else None

    def change(self, url: str, change: dict[str, Any], latest: bool = False) -> None:
        """Values that are None are forgotten."""
        with self.exclusive():
            all_ = self._read()
            entry = {name: value for name, value in {**self.of(url), **change}.items() if value is not None}
            if entry:
                all_["servers"][url] = entry
            else:
                all_["servers"].pop(url, None)
            if latest:
                all_["latest"] = url
            durable.write(self._place, json.dumps(all_, indent=1).encode())

    def forget(self, url: str) -> None:
        """Who is signed in there, and that it was the latest one."""
        with self.exclusive():
            self.change(url, dict.fromkeys(_SESSION))
            all_ = self._read()
            if all_.get("latest") == url:
                del all_["latest"]
                durable.write(self._place, json.dumps(all_, indent=1).encode())

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Raises `ConfigurationError` where another process holds it for longer than a renewal can take."""
        if self._is_held:
            yield
            return
        make_private(self._place.parent)
        handle = os.open(self._place.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not file_lock.lock(handle, _PATIENCE_S):
                raise ConfigurationError(
                    f"Another process has held {self._place} for {_PATIENCE_S:.0f} s.",
                    remedy="Look for a `vapora` command that hangs.",
                )
            self._is_held = True
            yield
        finally:
            self._is_held = False
            os.close(handle)

    def _read(self) -> dict[str, Any]:
        try:
            with self._place.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise ConfigurationError(
                        f"Others on this machine can read {self._place}.",
                        remedy=f"Run `chmod 600 {self._place}`, and change your password: it holds a session of yours.",
                    )
                found = json.load(file)
        except FileNotFoundError:
            found = {}
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{self._place} cannot be read ({error}).", remedy="Delete it, and sign in again with `vapora login`."
            ) from error
        all_ = found if isinstance(found, dict) else {}
        if not isinstance(all_.get("servers"), dict):
            all_["servers"] = {}
        return all_


class SessionFile:
    """The session at one server, for `Client(session=…)`."""

    def __init__(self, servers: Servers, url: str) -> None:
        self._servers = servers
        self._url = url

    def exclusive(self) -> Any:
        return self._servers.exclusive()

    def read(self) -> Kept | None:
        from vapora.sdk.session import Kept

        entry = self._servers.of(self._url)
        try:
            return Kept(str(entry["access_token"]), str(entry["refresh_token"]), float(entry["expires_at"]))
        except (KeyError, TypeError, ValueError):
            return None

    def write(self, kept: Kept | None) -> None:
        if kept is None:
            self._servers.forget(self._url)
            return
        entry = {
            "access_token": kept.access_token,
            "refresh_token": kept.refresh_token,
            "expires_at": kept.expires_at,
        }
        self._servers.change(self._url, entry)
