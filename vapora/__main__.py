"""The command `vapora`, also as `python -m vapora`."""

import sys

from vapora import rooms

NOT_INSTALLED = 2


def main() -> None:
    """Runs the command line. Without the extra that it needs, says in one sentence how to install it."""
    try:
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


if __name__ == "__main__":
    main()
