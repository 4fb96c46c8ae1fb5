"""The command line."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path

from shortleaf.links import TargetError
from shortleaf.store import Store, UnknownSlugError


def main(arguments: list[str]) -> int:
    """The exit code: 1 where the request was refused."""
    asked = _parser().parse_args(arguments)
    store = Store(asked.data)
    now = datetime.now(timezone.utc)
    try:
        if asked.command == "add":
            link = store.add(asked.target, now)
            print(link.slug)
        elif asked.command == "go":
            print(store.follow(asked.slug, "command line", now))
        elif asked.command == "list":
            show(store)
    except (TargetError, UnknownSlugError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def show(store: Store) -> None:
    """All links, one a line."""
    for link in store.links():
        print(f"{link.slug}  {link.target}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shortleaf", description="Short links without a server.")
    parser.add_argument("--data", type=Path, default=Path("links.json"), help="the file that everything is kept in")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="make a short link")
    add.add_argument("target")
    go = commands.add_parser("go", help="print where a short link leads")
    go.add_argument("slug")
    commands.add_parser("list", help="show all links")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
