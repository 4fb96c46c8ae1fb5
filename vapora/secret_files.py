"""Secrets in files of their own, as orchestrators mount them: the variable `<NAME>_FILE` holds the path.

So a secret stands in no manifest and in no process's environment, and who uses it reads it where it is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vapora.errors import ConfigurationError

ENDING = "_FILE"
_LONGEST = 65_536


def read(environ: Mapping[str, str], variable: str) -> str:
    """What the variable holds, or the file that `<variable>_FILE` names; '' where neither is set. White space around it
    does not count. Raises `ConfigurationError`, which shows none of it."""
    given, path = environ.get(variable, "").strip(), environ.get(variable + ENDING, "").strip()
    if given and path:
        raise both(variable)
    return read_file(Path(path), variable + ENDING) if path else given


def read_file(path: Path, variable: str) -> str:
    """The secret in the file that `variable` names. `ConfigurationError` where there is none, or where others on this
    machine can read it: a group may, as in a pod."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_LONGEST).decode().strip()
    except OSError as error:
        raise ConfigurationError(
            f"{variable} names {path}, which cannot be read ({error.strerror}).",
            remedy="Check the path, and that the file belongs to the user who runs VAPORA or to a group of theirs.",
        ) from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{variable} names {path}, which holds no text.", remedy="Save it as UTF-8.") from None
    if mode & 0o007:
        raise ConfigurationError(
            f"{variable} names {path}, which others on this machine can read.",
            remedy="Take their rights away (chmod 600; in Kubernetes defaultMode: 0440), and replace the secret.",
        )
    if not text:
        raise ConfigurationError(f"{variable} names {path}, which is empty.", remedy="Put the secret into it.")
    return text


def both(variable: str) -> ConfigurationError:
    return ConfigurationError(f"{variable} and {variable}{ENDING} are both set.", remedy="Choose one of them.")
