"""Names of tools, to a model and back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.tool_names import is_served, joined, named, parted, shown

_servers = st.from_regex(r"\A[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,2}\Z")
_tools = st.from_regex(r"\A[A-Za-z0-9_./-]{1,128}\Z")
_TAKEN_BY_ALL = re.compile(r"[A-Za-z0-9_-]{1,64}")


def test_a_model_reads_server_and_tool_with_two_underscores() -> None:
    assert shown("everything.get-sum") == "everything__get-sum"
    assert named("everything__get-sum", ["everything.echo", "everything.get-sum"]) == "everything.get-sum"


def test_a_tool_without_a_server_keeps_its_name() -> None:
    assert shown("file_read") == "file_read"
    assert named("file_read", ["file_read"]) == "file_read"


def test_a_name_that_is_not_on_offer_stays_what_the_model_said() -> None:
    assert named("github__delete_everything", ["github.get_issue"]) == "github__delete_everything"


@given(_servers, _tools)
def test_whatever_a_tool_is_called_all_vendors_take_its_name_and_it_comes_back(server: str, tool: str) -> None:
    name = joined(server, tool)

    assert is_served(name)
    assert parted(name) == (server, tool)
    assert _TAKEN_BY_ALL.fullmatch(shown(name))
    assert named(shown(name), [joined(server, f"{tool}x"[:128]), name]) in {name, joined(server, f"{tool}x"[:128])}


@given(_servers, st.sets(_tools, min_size=2, max_size=5))
def test_no_two_tools_of_a_server_look_alike(server: str, tools: set[str]) -> None:
    assert len({shown(joined(server, tool)) for tool in tools}) == len(tools)


@pytest.mark.parametrize("name", ["file_read", "Server.tool", "a_b.tool", "server.", ".tool", "server.with space"])
def test_what_is_no_tool_of_a_server_is_told(name: str) -> None:
    assert not is_served(name)
