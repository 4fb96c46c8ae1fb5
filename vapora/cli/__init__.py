"""The command line. Every command has `--json`; exit codes: 0 good, 1 check failed or refused, 2 wrong usage."""

from vapora.cli.main import app

__all__ = ["app"]
