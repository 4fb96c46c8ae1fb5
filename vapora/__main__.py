"""The entry point `vapora`, and `python -m vapora`."""

from __future__ import annotations

import sys

from vapora.startup import interrupt

_SLOW = {"up": "VAPORA is starting …", "demo": "The demo is starting …"}


def main() -> None:
    """Signals first, since Ctrl-C may come while the rest is imported; then a word to people who wait for that."""
    interrupt.install()
    if said := _first_line(sys.argv[1:]):
        print(said, file=sys.stderr, flush=True)  # noqa: T201 - the console takes a quarter of a second to import
    # A second, mostly pydantic.
    from vapora.cli.main import main as run

    run()


def _first_line(arguments: list[str]) -> str:
    if {"-h", "--help"} & set(arguments):
        return ""
    return _SLOW.get(next(iter(arguments), ""), "")


if __name__ == "__main__":
    main()
