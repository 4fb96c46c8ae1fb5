"""Where a server is away, breaks off, is busy, is of another version, or where a person has had enough of waiting."""

from __future__ import annotations

import os
import pickle
import ssl
import threading
import tracemalloc
from typing import Any

import pytest

from events.ids import TaskState
from tests.sdk.scripted import Answer, Asked, card, ok, server
from vapora import errors, views
from vapora.api import problems as table
from vapora.commands import CreateProject, SetBudget
from vapora.sdk import ApiError, AsyncClient, Client, NoAnswerError, NoServerError, Rows
from vapora.sdk.problems import problem

MADE = {"id": "p-1", "name": "x", "description": "", "repo": None, "archived": False, "position": 1}
MADE |= {"created_at": "2026-11-20T09:00:00Z"}
EMPTY: dict[str, Any] = {"items": [], "next": None}


def test_a_server_that_is_away_is_named_with_what_to_do(silent_port: int) -> None:
    with Client(f"http://127.0.0.1:{silent_port}", retries=1) as client, pytest.raises(NoServerError) as away:
        client.agents()
    assert f"Nobody answers at http://127.0.0.1:{silent_port}" in str(away.value)
    assert "vapora up" in away.value.remedy


def test_what_broke_off_is_sent_again_under_the_same_key() -> None:
    with server(lambda asked: None if asked.number < 2 else ok(MADE)) as site, Client(site.url) as client:
        assert client.create_project(CreateProject(name="x")).id == "p-1"
    assert len(site.asked) == 3
    assert len({one.key for one in site.asked}) == 1
    assert site.asked[0].key


def test_two_requests_have_two_keys_and_a_key_of_ones_own_stays() -> None:
    with server(lambda asked: ok(MADE)) as site, Client(site.url) as client:
        for key in (None, None, "mine"):
            client.create_project(CreateProject(name="x"), key=key)
    assert len({one.key for one in site.asked}) == 3
    assert site.asked[2].key == "mine"


def test_what_might_take_effect_twice_is_not_sent_again() -> None:
    with server(lambda asked: None) as site, Client(site.url) as client:
        with pytest.raises(NoServerError):
            client.set_budget("role", "developer", SetBudget())
        with pytest.raises(NoServerError):
            client.log_in("ada@example.com", "correct horse battery")
    assert [(one.method, one.key) for one in site.asked] == [("PUT", None), ("POST", None)]


@pytest.mark.parametrize(
    ("status", "headers", "times"),
    [(503, {}, 2), (502, {}, 2), (429, {"Retry-After": "0"}, 2), (429, {"Retry-After": "60"}, 1), (429, {}, 1)],
)
def test_a_busy_server_is_asked_again_unless_that_would_take_long(
    status: int, headers: dict[str, str], times: int
) -> None:
    def script(asked: Asked) -> Answer:
        return (status, {"title": "Busy"}, headers) if asked.number == 0 else ok(EMPTY)

    with server(script) as site, Client(site.url) as client:
        if times == 1:
            with pytest.raises(errors.ThrottledError):
                client.agents()
        else:
            assert client.agents() == ()
    assert len(site.asked) == times


def test_an_answer_that_does_not_come_in_time_is_an_end_and_says_that_the_effect_is_unknown() -> None:
    over = threading.Event()

    def script(asked: Asked) -> Answer:
        over.wait(240)
        return None

    with server(script) as site:
        try:
            with Client(site.url, timeout=0.2) as client, pytest.raises(NoAnswerError, match=r"within 0\.2 s") as late:
                client.create_project(CreateProject(name="x"))
        finally:
            over.set()
    assert isinstance(late.value, TimeoutError)
    assert len(site.asked) == 1


def test_an_older_server_that_does_not_know_a_path_is_told_from_a_wrong_id() -> None:
    def script(asked: Asked) -> Answer:
        if asked.path == "/health":
            return ok({"status": "ok", "version": "0.0.9"})
        return 404, {"type": "urn:vapora:problem:no-such-path", "title": "There is no such path"}, {}

    with server(script) as site, Client(site.url) as client, pytest.raises(ApiError) as unknown:
        client.marketplace()
    assert "0.0.9" in unknown.value.remedy and "upgrade the server" in unknown.value.remedy


def test_a_newer_server_may_say_more_and_is_named_where_it_says_something_else() -> None:
    def script(asked: Asked) -> Answer:
        if asked.path == "/health":
            return ok({"status": "ok", "version": "9.1.0", "mood": "good"})
        return ok(card(colour="red") if asked.path.endswith("task-1") else card(state="dreaming"))

    with server(script) as site, Client(site.url) as client:
        assert client.task("task-1").title == "Do it"
        with pytest.raises(ApiError) as strange:
            client.task("task-2")
    assert "install vapora==9.1.0" in strange.value.remedy


def test_a_refusal_is_of_the_same_tree_as_an_error_made_here() -> None:
    for kind, said in table.TABLE.items():
        if said.status == 500:
            continue
        found = problem(said.status, table.problem(said, "So it is.", "/x").body)  # type: ignore[arg-type]
        mine = [one for one in type(found).__mro__ if one not in (ApiError, errors.VaporaError, *type(found).mro()[:1])]
        named = [one for one in mine if issubclass(one, errors.VaporaError)]
        assert named, kind
        # The kind itself, or what it is a kind of.
        assert issubclass(kind, named[0]) or said in (table.UNAVAILABLE, table.NO_SANDBOX), kind
        assert str(found).startswith("So it is.") and found.remedy
        again = pickle.loads(pickle.dumps(found))
        assert (type(again), again.code, str(again)) == (type(found), found.code, str(found))


def test_a_conflict_says_which_paths() -> None:
    said = table.problem(table.TABLE[errors.MergeConflictError], "Both changed it.", "/x", paths=("a.py",))
    found = problem(409, bytes(said.body))
    assert isinstance(found, errors.MergeConflictError)
    assert found.paths == ("a.py",)


def test_clients_handles_and_answers_can_be_pickled() -> None:
    with server(lambda asked: ok(card())) as site, Client(site.url, "secret", "acme", retries=1) as client:
        copy = pickle.loads(pickle.dumps(client))
        assert (copy.url, copy.workspace, copy._token) == (site.url, "acme", "secret")
        task = pickle.loads(pickle.dumps(client.projects["x"].tasks["task-1"]))
        shown = task.card()
        assert pickle.loads(pickle.dumps(Rows([shown]))) == (shown,)
        copy.close()
        task._client.close()
        assert "secret" not in repr(client) + repr(task)
        with pytest.raises(TypeError, match="pickle its all"):
            pickle.dumps(client.tasks())
    signed_in = AsyncClient("http://127.0.0.1:9", email="a@b.c", password="horse")
    assert pickle.loads(pickle.dumps(signed_in))._password == signed_in._password


def test_a_client_with_certificates_of_its_own_says_why_it_cannot_be_pickled() -> None:
    client = Client("https://127.0.0.1:9", tls=ssl.create_default_context())
    with client, pytest.raises(TypeError, match="SSL_CERT_FILE"):
        pickle.dumps(client)


def _events(first: int, count: int) -> bytes:
    one = (
        '{"position":%d,"stream":"s","version":1,"topic":"task.submitted","recorded_at":"2026-11-20T09:00:00Z",'
        '"workspace":"default","actor":"a","correlation":"c","causation":null,"event":{}}'
    )
    items = ",".join([one % position for position in range(first, first + count)])
    following = f'"{first + count - 1}"' if first + count <= _MANY else "null"
    return f'{{"items":[{items}],"next":{following}}}'.encode()


_MANY = 100_000


def test_a_hundred_thousand_rows_are_read_in_the_memory_of_a_page() -> None:
    def script(asked: Asked) -> Answer:
        said = dict(part.split("=") for part in asked.query.split("&"))
        first, limit = int(said.get("after", 0)) + 1, int(said["limit"])
        return ok(_events(first, min(limit, _MANY - first + 1)))

    with server(script) as site, Client(site.url, page_size=1_000) as client:
        next(client.events())
        before = len(site.asked)
        tracemalloc.start()
        count = sum(1 for _ in client.events())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == _MANY
    assert len(site.asked) - before == _MANY // 1_000
    assert most < 16 * 1024 * 1024


def test_ctrl_c_ends_a_wait_and_nothing_else() -> None:
    over = threading.Event()

    def script(asked: Asked) -> Answer:
        if asked.number == 1:
            # In the middle of a request, as it mostly is.
            os.kill(os.getpid(), 2)
            over.wait(240)
        return ok(card())

    with server(script) as site, Client(site.url) as client:
        try:
            with pytest.raises(KeyboardInterrupt) as stopped:
                client.tasks["task-1"].wait(timeout=240)
        finally:
            over.set()
        assert stopped.value.__notes__ == ["The task 'task-1' goes on: wait again, or cancel it."]
        assert client.tasks["task-1"].state is TaskState.IN_PROGRESS


async def test_a_wait_that_is_cancelled_leaves_the_client_usable() -> None:
    import asyncio

    asked_once = asyncio.Event()
    with server(lambda asked: ok(card())) as site:
        async with AsyncClient(site.url) as client:
            waiting = asyncio.create_task(client.tasks["task-1"].wait(progress=lambda _: asked_once.set()))
            await asked_once.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert (await client.tasks["task-1"].card()).position == 7


def test_views_of_the_client_pass_for_those_that_it_is_written_for() -> None:
    board = {"position": 3, "columns": {"todo": [card(state="todo")]}, "counts": {"todo": 1}}
    with server(lambda asked: ok(board)) as site, Client(site.url) as client:
        shown = client.board()
    assert isinstance(shown, views.Board)
    assert [one.id for one in shown.cards] == ["task-1"]
