"""Secrets in an OpenBao or Vault of one's own: its KV engine, version 2, by hvac.

A secret is `<mount>/<prefix>/<workspace>/<name>` with one field, `value`. A deleted one keeps its numbers there: its
versions are destroyed, its metadata stay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from vapora.errors import ConfigurationError, ConflictError, NotFoundError, UnavailableError, VaultError
from vapora.settings import is_loopback
from vapora.vault.base import KEPT_VERSIONS, Rotated, StoredSecret

_TIMEOUT_S = 5.0
_LONGEST = 4_096

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenBaoOptions:
    """Where it is, and who VAPORA is there: by a token, by a file that holds one (and may get another), or by AppRole.
    Secrets stand in no text that this makes."""

    url: str
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    role_id: str = ""
    secret_id: str = field(default="", repr=False)
    secret_id_file: Path | None = None
    mount: str = "secret"
    prefix: str = "vapora"
    namespace: str = ""
    ca: Path | None = None

    def check(self) -> None:
        """Raises `ConfigurationError` for what can never work, without repeating what may be a secret."""
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or True)
        except ValueError:
            known = False
        if not known:
            raise ConfigurationError(
                "VAPORA_VAULT_URL is not the address of an OpenBao or Vault.", remedy="Write https://host:8200."
            )
        if parts.username or parts.password:
            raise ConfigurationError(
                "VAPORA_VAULT_URL holds credentials, which would be shown in logs.",
                remedy="Put the token into VAPORA_VAULT_TOKEN or VAPORA_VAULT_TOKEN_FILE.",
            )
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ConfigurationError(
                "VAPORA_VAULT_URL would send secrets in plain text to another machine.",
                remedy="Use https, and VAPORA_VAULT_CA for a certificate authority of your own.",
            )
        ways = {"VAULT_TOKEN": self.token, "VAULT_TOKEN_FILE": self.token_file, "VAULT_ROLE_ID": self.role_id}
        given = [f"VAPORA_{name}" for name, value in ways.items() if value]
        if len(given) != 1:
            said = f"{' and '.join(given)} are set" if given else "No way to sign in to OpenBao is set"
            raise ConfigurationError(f"{said}.", remedy=f"Set one of {', '.join(f'VAPORA_{name}' for name in ways)}.")
        if self.role_id and bool(self.secret_id) == bool(self.secret_id_file):
            raise ConfigurationError(
                "VAPORA_VAULT_ROLE_ID needs a secret id.",
                remedy="Set one of VAPORA_VAULT_SECRET_ID and VAPORA_VAULT_SECRET_ID_FILE.",
            )
        for name, path in (("TOKEN_FILE", self.token_file), ("SECRET_ID_FILE", self.secret_id_file), ("CA", self.ca)):
            if path is not None and not path.is_file():
                raise ConfigurationError(f"VAPORA_VAULT_{name} names no file: {path}", remedy="Check the path.")


class OpenBaoVault:
    """Signs in with the first call, and again where its token is refused."""

    # A look asks the server for each secret of the workspace.
    fresh_s = 2.0

    def __init__(self, options: OpenBaoOptions, timeout_s: float = _TIMEOUT_S) -> None:
        options.check()
        self._options = options
        self._timeout_s = timeout_s
        self._where = urlsplit(options.url).netloc
        self._signed_in: Any = None
        self._turn = threading.Lock()

    def put(self, workspace: str, name: str, value: SecretStr) -> StoredSecret:
        path, mount = self._path(workspace, name), self._options.mount
        secret = {"value": value.get_secret_value()}
        answer = self._ask(
            lambda bao: bao.secrets.kv.v2.create_or_update_secret(path=path, secret=secret, mount_point=mount)
        )
        stored = _stored(name, answer["data"]["version"], answer["data"]["created_time"])
        if stored.version == 1:
            self._ask(
                lambda bao: bao.secrets.kv.v2.update_metadata(path=path, max_versions=KEPT_VERSIONS, mount_point=mount)
            )
        return stored

    def get(self, workspace: str, name: str) -> tuple[SecretStr, StoredSecret] | None:
        path, mount = self._path(workspace, name), self._options.mount
        answer = self._find(
            lambda bao: bao.secrets.kv.v2.read_secret_version(
                path=path, mount_point=mount, raise_on_deleted_version=True
            )
        )
        if answer is None:
            return None
        value, metadata = answer["data"]["data"].get("value"), answer["data"]["metadata"]
        if not isinstance(value, str):
            raise VaultError(
                f"The secret {path} in OpenBao has no text in its field 'value'.", remedy="Set it through VAPORA."
            )
        return SecretStr(value), _stored(name, metadata["version"], metadata["created_time"])

    def list(self, workspace: str) -> tuple[StoredSecret, ...]:
        folder, mount = self._path(workspace), self._options.mount
        answer = self._find(lambda bao: bao.secrets.kv.v2.list_secrets(path=folder, mount_point=mount))
        names = sorted(name for name in answer["data"]["keys"] if not name.endswith("/")) if answer else []
        return tuple(found for name in names if (found := self._look(workspace, name)) is not None)

    def delete(self, workspace: str, name: str) -> StoredSecret:
        found = self._look(workspace, name)
        if found is None:
            raise NotFoundError(f"There is no secret '{name}'.", remedy="Check the name: GET /secrets lists them.")
        path, mount = self._path(workspace, name), self._options.mount
        # Older ones were dropped by the server itself.
        versions = list(range(max(1, found.version - KEPT_VERSIONS), found.version + 1))
        self._ask(
            lambda bao: bao.secrets.kv.v2.destroy_secret_versions(path=path, versions=versions, mount_point=mount)
        )
        return found

    def rotate(self, workspace: str) -> Rotated:
        import hvac.exceptions

        count = len(self.list(workspace))
        try:
            self._ask(lambda bao: bao.sys.rotate_encryption_key())
            status = self._ask(lambda bao: bao.sys.get_encryption_key_status())
        except VaultError as error:
            if isinstance(error.__cause__, hvac.exceptions.Forbidden):
                raise ConflictError(
                    "VAPORA may not rotate the key of this OpenBao, which is one for all that it keeps.",
                    remedy="Whoever runs it does so with `bao operator rotate`, or allows VAPORA `sys/rotate`.",
                ) from error
            raise
        return Rotated(str(status["data"]["term"]), count)

    def check(self) -> None:
        # A mount that is missing, or of another kind, shows here; an empty folder is no fault.
        self._find(
            lambda bao: bao.secrets.kv.v2.list_secrets(path=self._options.prefix, mount_point=self._options.mount)
        )

    def close(self) -> None:
        with self._turn:
            if self._signed_in is not None:
                self._signed_in.adapter.close()
            self._signed_in = None

    # --- the server ---

    def _path(self, *parts: str) -> str:
        return "/".join((self._options.prefix, *parts))

    def _look(self, workspace: str, name: str) -> StoredSecret | None:
        """The newest version, unless it was deleted."""
        path, mount = self._path(workspace, name), self._options.mount
        answer = self._find(lambda bao: bao.secrets.kv.v2.read_secret_metadata(path=path, mount_point=mount))
        if answer is None:
            return None
        newest = answer["data"]["current_version"]
        version = answer["data"]["versions"].get(str(newest))
        if version is None or version["destroyed"] or version["deletion_time"]:
            return None
        return _stored(name, newest, version["created_time"])

    def _find(self, question: Callable[[Any], T]) -> T | None:
        """None where there is no such path."""
        import hvac.exceptions

        try:
            return self._ask(question)
        except VaultError as error:
            cause = error.__cause__
            if isinstance(cause, hvac.exceptions.InvalidPath) and "no handler for route" not in str(cause):
                return None
            raise

    def _ask(self, question: Callable[[Any], T]) -> T:
        """Once more where the token is no longer taken, or where a kept connection turned out to be closed."""
        import hvac.exceptions
        import requests.exceptions as wire

        with self._turn:
            kept = self._signed_in
        try:
            try:
                answer = question(kept or self._sign_in(None))
            except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized, wire.ConnectionError):
                if kept is None:
                    raise
                answer = question(self._sign_in(kept))
        except wire.RequestException as error:
            raise self._away(type(error).__name__) from error
        except (
            hvac.exceptions.VaultDown,
            hvac.exceptions.VaultNotInitialized,
            hvac.exceptions.InternalServerError,
            hvac.exceptions.BadGateway,
            hvac.exceptions.RateLimitExceeded,
        ) as error:
            raise self._away(_said(error)) from error
        except hvac.exceptions.VaultError as error:
            raise VaultError(
                f"OpenBao on {self._where} refused: {_said(error)}.",
                remedy="See that the token's policy allows create, read, update and list below "
                f"{self._options.mount}/data/{self._options.prefix} and …/metadata/…; docs/secrets.md has a policy.",
            ) from error
        if getattr(answer, "is_redirect", False):
            # A standby that cannot reach its leader. To follow it would carry the token to wherever it points.
            raise self._away("it refers to another server")
        return answer

    def _away(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"OpenBao on {self._where} does not answer: {why}.",
            remedy="See that it runs and is unsealed; it is asked again by itself.",
        )

    def _sign_in(self, refused: Any) -> Any:
        """A client that is signed in; another one than `refused`."""
        import hvac

        with self._turn:
            if self._signed_in is not None and self._signed_in is not refused:
                return self._signed_in
            options = self._options
            made = hvac.Client(
                url=options.url,
                namespace=options.namespace or None,
                timeout=self._timeout_s,
                verify=str(options.ca) if options.ca else True,
                # A redirect would carry the token to wherever it points.
                allow_redirects=False,
            )
            if options.role_id:
                secret_id = options.secret_id or _text(options.secret_id_file)
                made.auth.approle.login(role_id=options.role_id, secret_id=secret_id)
            else:
                made.token = options.token or _text(options.token_file)
            with suppress(AttributeError):
                refused.adapter.close()
            self._signed_in = made
            return made


def _stored(name: str, version: int, at: str) -> StoredSecret:
    # It gives nanoseconds, which Python cuts to micro-seconds.
    return StoredSecret(name, version, datetime.fromisoformat(at))


def _said(error: Exception) -> str:
    """What the server said, in one line; never the address, which holds the name of a secret at most."""
    errors = getattr(error, "errors", None) or [type(error).__name__]
    return "; ".join(" ".join(str(one).split()) for one in errors)[:500]


def _text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_LONGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}", remedy="Check the file and its rights.") from error
