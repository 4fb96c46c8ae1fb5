"""Makes the secrets of an installation once, as files: `python -m vapora.deploy.keys PLAN.json [--into FOLDER]`.

compose runs it before everything else. A file that is there is never touched, so a second start changes nothing.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import secrets
import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from vapora import durable
from vapora.errors import ConfigurationError

_OTHER = re.compile(r"\{([a-z-]+)/([a-z_]+)\}")


class Planned(BaseModel):
    """One value: the file it is written to, who may read it (a user's id, whose group too), and how it is made."""

    secret: str
    key: str
    file: Path
    owner: int
    made: Literal["hex", "base64", "ed25519", "text"]
    bytes: int
    text: str


_PLAN = TypeAdapter(list[Planned])


def make(plan: list[Planned], into: Path = Path("/")) -> list[Path]:
    """Write each file of `plan` that is not there yet, and give back which; `into` stands before their paths.

    A text made of another value takes that one as it is in its file, also where that is older. Raises
    `ConfigurationError` where a text names a value that nothing makes.
    """
    places = {(one.secret, one.key): into / one.file.relative_to("/") for one in plan}
    made = []
    for one in sorted(plan, key=lambda planned: planned.made == "text"):
        place = into / one.file.relative_to("/")
        if place.exists():
            continue
        _write(place, _value(one, places), one.owner)
        made.append(place)
    return made


def _value(one: Planned, places: dict[tuple[str, str], Path]) -> str:
    if one.made == "hex":
        return secrets.token_hex(one.bytes)
    if one.made == "base64":
        return base64.b64encode(secrets.token_bytes(one.bytes)).decode()
    if one.made == "ed25519":
        return _private_key()

    def other(found: re.Match[str]) -> str:
        place = places.get((found[1], found[2]))
        if place is None:
            raise ConfigurationError(f"{one.secret}/{one.key} is made of {found[1]}/{found[2]}, which nothing makes.")
        return place.read_text(encoding="utf-8").strip()

    return _OTHER.sub(other, one.text)


def _private_key() -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _write(place: Path, value: str, owner: int) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    durable.write_new(place, value.encode(), mode=0o440)
    if os.geteuid() == 0:
        os.chown(place, owner, owner)
        os.chown(place.parent, owner, owner)
        place.parent.chmod(0o750)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m vapora.deploy.keys", description=__doc__)
    parser.add_argument("plan", type=Path, help="what is to be made, as rendered for compose")
    parser.add_argument("--into", type=Path, default=Path("/"), help="a folder that stands before every path")
    given = parser.parse_args(arguments)
    try:
        made = make(_PLAN.validate_json(given.plan.read_bytes()), given.into)
    except (ConfigurationError, ValidationError, json.JSONDecodeError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(f"{len(made)} secrets were made; those that were there stay.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
