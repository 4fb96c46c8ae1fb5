"""A process of its own that runs an agent which stands in `__main__`, as in a notebook: `python installation.py DATA`.

Says where it can be reached as the first line on standard output, and ends with its standard input.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import vapora

DATA = Path(sys.argv[1])


@vapora.tool(effect="pure")
def weigh(text: str) -> int:
    """Weigh a text. Takes as long as there is no file `go`."""
    (DATA / "weighing").touch()
    while not (DATA / "go").exists():
        time.sleep(0.01)
    return len(text)


@vapora.tool
def send(text: str) -> str:
    """Send it out."""
    with (DATA / "sent").open("a") as sent:
        sent.write(f"{text}\n")
    return "sent"


@vapora.agent(role="documenter", tools=[weigh, send])
def courier(ctx: vapora.Context) -> str:
    """You carry texts."""
    first = ctx.model("Write it.")
    weight = ctx.tool(weigh, text=first)
    said = ctx.tool(send, text=first)
    return f"{said} {weight} {ctx.model('Was it good?')}"


if __name__ == "__main__":
    with vapora.local(DATA, agents=[courier], resend_s=0.2) as client:
        token = (DATA / "operator_token").read_text().strip()
        print(json.dumps({"url": client.url, "token": token}), flush=True)
        sys.stdin.read()
