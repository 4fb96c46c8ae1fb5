"""DBOS with a SQLite system database: a workflow of three steps, each recorded before the next one begins."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

from dbos import DBOS, DBOSConfig

from benchmarks.sides import loop

TEXT = "What a model would say, in some three hundred characters. " * 6
_LONGEST_S = [0.0]


@DBOS.step()  # type: ignore[untyped-decorator]
def step(number: int) -> str:
    if _LONGEST_S[0]:
        time.sleep(loop.Load(1, 0, 0, _LONGEST_S[0]).model_s())
    return TEXT


@DBOS.workflow()  # type: ignore[untyped-decorator]
def work(title: str) -> list[str]:
    return [step(number) for number in range(loop.STEPS)]


def main(folder: Path) -> None:
    config: DBOSConfig = {
        "name": "engine",
        "system_database_url": f"sqlite:///{folder / 'dbos.db'}",
        "run_admin_server": False,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    logging.getLogger("dbos").setLevel(logging.ERROR)
    DBOS.launch()
    for load in loop.loads():
        _LONGEST_S[0] = load.longest_s
        loop.run_in_threads(load, lambda: work("Write a parser"))
    DBOS.destroy()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
