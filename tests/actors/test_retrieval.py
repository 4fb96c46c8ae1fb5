"""The built-in server `retrieval`, over a real index: what an agent finds of its project, and what it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.mcp_gateway.built_in import BUILT_IN, make
from actors.retrieval import Retrieval, retrieval_server
from tests.search.entries import entry, put
from vapora.errors import UnavailableError
from vapora.ports import QuestionVector
from vapora.search import IndexWriter
from vapora.settings import Settings
from vapora.tools.servers import Caller
from vapora.tools.values import ToolResult

AGENT = Caller("default", "agent:developer", project_id="shop", task_id="t", run_id="r", agent_id="developer")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Retrieval]:
    async def no_vector(workspace: str, question: str) -> QuestionVector:
        return QuestionVector()

    found = Retrieval(settings, no_vector)
    yield found
    await found.close()


@pytest.fixture
def index(settings: Settings) -> None:
    with IndexWriter(settings.search_place("default")) as writer:
        put(
            writer,
            entry("shop/tax.py", "shop/tax.py", "def vat(price): ...", kind="code", project_id="shop"),
            entry("bank/tax.py", "bank/tax.py", "def vat(balance): ...", kind="code", project_id="bank"),
            entry("d1", "How VAT is counted", "The vat of a cart.", kind="document", project_id=""),
            entry("t1", "Count the VAT", "A stranger wrote: vat is wrong.", kind="task", project_id="shop"),
        )


async def ids(server: Retrieval, tool: str, caller: Caller = AGENT, **arguments: Any) -> set[str]:
    result: ToolResult = await server.call(caller, tool, arguments)
    assert result.ok, result.text
    return {one["id"] for one in result.data["hits"]}  # type: ignore[union-attr, call-overload, index, misc]


async def test_an_agent_finds_and_reads_what_is_of_its_project_and_of_the_workspace(
    server: Retrieval, index: None
) -> None:
    assert await ids(server, "search", query="vat") == {"shop/tax.py", "d1"}
    assert await ids(server, "search_cards", query="vat") == {"t1"}
    assert await ids(server, "search", query="vat", kinds=["code"]) == {"shop/tax.py"}
    read = await server.call(AGENT, "read", {"kind": "code", "id": "shop/tax.py"})
    assert read.ok
    assert "def vat(price)" in read.text
    # A person's own way is GET /search, where policies say what they may read.
    person = Caller("default", "user:ada", project_id="shop")
    assert await ids(server, "search", person, query="vat") == {"d1"}


async def test_what_is_of_another_project_is_not_there_in_the_very_words(server: Retrieval, index: None) -> None:
    hidden = await server.call(AGENT, "read", {"kind": "code", "id": "bank/tax.py"})
    absent = await server.call(AGENT, "read", {"kind": "code", "id": "bank/tex.py"})
    assert not hidden.ok
    assert hidden.text.replace("tax", "tex") == absent.text
    # Text of strangers comes through the tools that say so alone.
    card = await server.call(AGENT, "read", {"kind": "task", "id": "t1"})
    assert not card.ok
    assert {one.name: one.reads_outside for one in await server.tools("default")} == {
        "search": False,
        "read": False,
        "search_cards": True,
        "read_card": True,
    }


async def test_without_an_index_it_says_so(server: Retrieval) -> None:
    with pytest.raises(UnavailableError):
        await server.call(AGENT, "search", {"query": "vat"})


def test_the_gateway_knows_it() -> None:
    class Wired:
        settings = Settings()

    assert "retrieval" in BUILT_IN
    assert make("retrieval", Wired()).id == retrieval_server(Wired()).id == "retrieval"  # type: ignore[arg-type]
