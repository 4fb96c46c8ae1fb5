"""The command `vapora`, also as `python -m vapora`."""

from __future__ import annotations

import sys

from vapora import __version__
from vapora import package_guard as rooms
from vapora.startup import interrupt

NOT_INSTALLED = 2
_SLOW = {"up": "VAPORA is starting …", "demo": "The demo is starting …"}


def main() -> None:
    """Runs the command line. Without the extra that it needs, says in one sentence how to install it."""
    # Signals first, since Ctrl-C may come while the rest is imported; then a word to people who wait for that.
    interrupt.install()
    if sys.argv[1:] == ["--version"]:
        # Also where only the SDK is installed, and without the second that the rest takes.
        print(__version__)  # noqa: T201
        return
    if said := _first_line(sys.argv[1:]):
        print(said, file=sys.stderr, flush=True)  # noqa: T201 - the console takes a quarter of a second to import
    try:
        # A second, mostly pydantic.
        from vapora.cli.main import main as run

        run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing in rooms.ROOMS:
            raise
        print(  # noqa: T201
            f"The command needs more than the Python SDK ({missing} is missing): install vapora[platform].",
            file=sys.stderr,
        )
        sys.exit(NOT_INSTALLED)


def _first_line(arguments: list[str]) -> str:
    if {"-h", "--help"} & set(arguments):
        return ""
    return _SLOW.get(next(iter(arguments), ""), "")


if __name__ == "__main__":
    main()
