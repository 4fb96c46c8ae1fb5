"""The names of settings: which are known, and what is said of one that is not.

A misspelt name would be ignored in silence, and an installation run without the limit, the database or the key that
somebody believes it has. So a name close to a known one is an error. Other names with our prefix may well be somebody
else's (a Kubernetes service called `vapora` sets `VAPORA_SERVICE_HOST` in every pod beside it): they are only told.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path

from vapora.errors import ConfigurationError
from vapora.settings import Settings

PREFIX = "VAPORA_"
FILE = Path(str(Settings.model_config["toml_file"]))

# Read by the command line and the SDK from the environment, never from the file.
CLIENT = frozenset({"URL", "TOKEN", "WORKSPACE"})
SETTINGS = frozenset(name.upper() for name in Settings.model_fields)
KNOWN = SETTINGS | CLIENT

# "TOKN" and "TOKEN" are 0.89 alike, "SERVICE_PORT" and "PORT" 0.5.
_ALIKE = 0.75


def check(environ: Mapping[str, str], file: Path = FILE) -> tuple[str, ...]:
    """What is odd, a sentence each. Raises `ConfigurationError` for a name that is nearly one of ours, and for a file
    that cannot be read or holds a key that is none."""
    check_file(file)
    return check_environment(environ)


def check_environment(environ: Mapping[str, str]) -> tuple[str, ...]:
    """As `check`, without the file."""
    # pydantic-settings takes them in any case.
    ours = (name for name in environ if name.upper().startswith(PREFIX))
    strange = sorted(name for name in ours if name.upper().removeprefix(PREFIX) not in KNOWN)
    for name in strange:
        if meant := _meant(name.upper().removeprefix(PREFIX), KNOWN):
            raise ConfigurationError(f"There is no setting {name}.", remedy=f"Did you mean {PREFIX}{meant}?")
    return tuple(
        f"{name} is no setting, and is ignored; the nearest is {PREFIX}{_nearest(name.upper().removeprefix(PREFIX))}."
        for name in strange
    )


def check_file(file: Path = FILE) -> None:
    """Every key of the file is one of ours: the file is nobody else's, so that an unknown one is always wrong."""
    try:
        keys = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read ({error.strerror}).", remedy="Check its rights.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8: byte {error.start}.", remedy="Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        # It may quote a character, never a value.
        raise ConfigurationError(
            f"{file} is not TOML: {error}.", remedy="Mend that line; a text stands in quotes."
        ) from None
    for key in keys:
        _check_key(key, file)


def _check_key(key: str, file: Path) -> None:
    name = key.upper()
    if name in CLIENT:
        raise ConfigurationError(
            f"{file} holds '{key}', which is read from the environment only.",
            remedy=f"Set {PREFIX}{name} where you run the command.",
        )
    # Unlike the environment's, the file's keys are in lower case and nothing else.
    if name in KNOWN and key == key.lower():
        return
    nearest = _nearest(name.removeprefix(PREFIX)).lower()
    raise ConfigurationError(f"{file} holds '{key}', which is no setting.", remedy=f"Did you mean '{nearest}'?")


def _meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one is most likely a slip of."""
    if close := get_close_matches(name, known, n=1, cutoff=_ALIKE):
        return close[0]
    # Letters that changed places count for much in a short word.
    if swapped := [one for one in known if sorted(one) == sorted(name)]:
        return swapped[0]
    # A beginning alone: VAPORA_NATS for VAPORA_NATS_URL.
    begun = [one for one in known if name and one.startswith(f"{name}_")]
    return _nearest(name, begun) if begun else None


def _nearest(name: str, known: Iterable[str] = KNOWN) -> str:
    return max(sorted(known), key=lambda one: SequenceMatcher(None, name, one).ratio())
