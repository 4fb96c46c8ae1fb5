"""A package that offers an agent, installed for one process: a folder on its path, with metadata as pip writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from tests.ports import free_port
from tests.startup.launched import Launched
from vapora.sdk import Client

_CODE = '''
    import os
    import vapora

    @vapora.tool(effect="pure")
    def word_count(text: str) -> int:
        """Count the words of a text."""
        return len(text.split())

    @vapora.agent(role="documenter", tools=[word_count])
    async def summariser(ctx: vapora.AsyncContext) -> str:
        """You summarise texts."""
        words = await ctx.tool(word_count, text=ctx.task.description)
        return f"{words} words: {await ctx.model('Summarise them.')}"
'''
_POINTS = """
    [vapora.agents]
    broken = agents_of_others:nothing
    summariser = agents_of_others:summariser
"""


def installed(folder: Path) -> Path:
    """The folder for PYTHONPATH."""
    site = folder / "site"
    metadata = site / "agents_of_others-1.2.3.dist-info"
    metadata.mkdir(parents=True)
    (site / "agents_of_others.py").write_text(dedent(_CODE))
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: agents-of-others\nVersion: 1.2.3\n")
    (metadata / "entry_points.txt").write_text(dedent(_POINTS).lstrip())
    return site


def check(launched: Launched, token_file: Path) -> None:
    """The agent is there, takes a card, uses its tool and hands in; what cannot be imported keeps nobody from it."""
    url = str(launched.addresses()["api"]).removesuffix("/api/v1")
    with Client(url, token=token_file.read_text().strip()) as client:
        known = {one.id: one for one in client.agents()}
        assert known["summariser"].role == "documenter"
        tasks = client.projects.create("Texts").tasks
        task = tasks.submit("Summarise it", description="one two three", agent="summariser", review="none")
        done = task.wait(timeout=180)
        assert done.state.value == "done", done
        assert (task.output().text or "").startswith("3 words: ")


@contextmanager
def running(folder: Path, runtime: str) -> Iterator[tuple[Launched, Path]]:
    """`vapora up` with the package, and the file with its operator's token."""
    data = folder / "data"
    quick = {"VAPORA_REHEARSAL_MIN_DELAY_S": "0", "VAPORA_REHEARSAL_MAX_DELAY_S": "0"}
    environ = quick | {"VAPORA_RUNTIME": runtime, "PYTHONPATH": str(installed(folder))}
    launched = Launched(data, "--port", str(free_port()), **environ)
    try:
        yield launched, data / "operator_token"
    finally:
        launched.interrupt()
        launched.kill()
