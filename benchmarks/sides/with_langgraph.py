"""LangGraph with `SqliteSaver` and `durability="sync"`: each step is on the disk before the next one begins."""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path
from typing import TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from benchmarks.sides import loop

TEXT = "What a model would say, in some three hundred characters. " * 6


class State(TypedDict):
    title: str
    said: list[str]


def main(folder: Path) -> None:
    longest_s = [0.0]

    def step(state: State) -> dict[str, list[str]]:
        if longest_s[0]:
            time.sleep(loop.Load(1, 0, 0, longest_s[0]).model_s())
        return {"said": [*state["said"], TEXT]}

    graph = StateGraph(State)
    names = [f"step-{number}" for number in range(loop.STEPS)]
    for name in names:
        graph.add_node(name, step)
    for left, right in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(left, right)
    with SqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
        compiled = graph.compile(checkpointer=saver)

        def task() -> None:
            config = {"configurable": {"thread_id": uuid.uuid4().hex}}
            compiled.invoke({"title": "Write a parser", "said": []}, config, durability="sync")

        for load in loop.loads():
            longest_s[0] = load.longest_s
            loop.run_in_threads(load, task)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
