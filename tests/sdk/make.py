"""Makes the synchronous client from the asynchronous one: `python -m tests.sdk.make`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SDK = Path(__file__).parent.parent.parent / "vapora" / "sdk"
NAMES = (
    "pages",
    "backlog",
    "transport",
    "work",
    "people",
    "workflows",
    "packages",
    "plans",
    "knowledge",
    "channels",
    "trackers",
    "schedules",
    "search",
    "documents",
    "webhooks",
    "tool_servers",
    "client",
    "handles",
    "workspaces",
)
_HEAD = '"""Made from async_{name}.py by `python -m tests.sdk.make`: change that file."""'
_WORDS = (
    (r'\A""".*?"""', "{head}"),
    (r"from asyncio import Lock, sleep", "from threading import Lock\nfrom time import sleep"),
    (r"from asyncio import sleep", "from time import sleep"),
    (r"\basync (def|for|with) ", r"\1 "),
    (r"\bawait ", ""),
    (r"vapora\.sdk\.async_", "vapora.sdk."),
    (r"\bhttpx\.AsyncClient\b", "httpx.Client"),
    (
        r"\bAsync([A-Z]\w+)\b",
        r"\1",
    ),
    (r"__a(enter|exit|iter|next)__", r"__\1__"),
    (r"\banext\(", "next("),
    (r"\.aclose\(\)", ".close()"),
    (r"for (\w+) in ([^\n]+):\n +yield \1\n", r"yield from \2\n"),
    (r"Rows\(\[item (for .*?)\]\)", r"Rows(item \1)"),
)


def made(name: str) -> str:
    """The text of the synchronous module."""
    text = (SDK / f"async_{name}.py").read_text(encoding="utf-8")
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement.format(head=_HEAD.format(name=name)), text, flags=re.DOTALL)
    for command in (["check", "--fix", "--quiet", "--exit-zero", "--select", "I"], ["format", "--quiet"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(SDK / f"{name}.py"), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout
    return text


if __name__ == "__main__":
    for name in NAMES:
        (SDK / f"{name}.py").write_text(made(name), encoding="utf-8")
