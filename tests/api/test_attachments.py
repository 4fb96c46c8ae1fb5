"""Files on a card: taken in piece by piece within their bounds, kept as they came, and never shown as a page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.api.doors import API, Door, opened
from tests.domain.test_media import PNG
from vapora.settings import Settings

BODY = PNG + bytes(range(256))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_attachment_bytes": 100_000, "upload_timeout_s": 5.0})


@pytest.fixture
async def task(door: Door) -> str:
    return await door.idle_task((await door.project())["id"])


async def attach(
    door: Door, task: str, status: int, name: str = "shot.png", data: bytes = BODY, **headers: str
) -> dict[str, Any]:
    answer = await door.http.post(f"{API}/tasks/{task}/attachments", files={"file": (name, data)}, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_file_is_kept_as_it_came_and_is_listed_with_what_it_is(door: Door, task: str) -> None:
    made = await attach(door, task, 201)

    assert (made["name"], made["bytes"], made["media_type"]) == ("shot.png", len(BODY), "image/png")
    assert (made["width"], made["height"], made["sha256"]) == (640, 480, sha256(BODY).hexdigest())
    [listed] = (await door.ask("GET", f"/tasks/{task}/attachments?after={made['position']}", 200))["items"]
    assert listed["added_by"] == "user:local"
    assert {name: listed[name] for name in listed.keys() & made.keys()}.items() <= made.items()
    assert (await door.ask("GET", f"/tasks/{task}?after={made['position']}", 200))["attachments"] == 1
    answer = await door.http.get(f"{API}/tasks/{task}/attachments/shot.png")
    assert answer.content == BODY


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (BODY, "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain; charset=utf-8"),
        (b"<!doctype html><script>alert(1)</script>\xff", "application/octet-stream"),
    ],
)
async def test_a_download_is_never_a_page_of_ours(door: Door, task: str, data: bytes, media_type: str) -> None:
    await attach(door, task, 201, "a b; ä.html", data)
    answer = await door.http.get(f"{API}/tasks/{task}/attachments/a b; ä.html", params={"after": await door.asked()})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b%3B%20%C3%A4.html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.content == data


async def test_a_file_is_removed_by_its_name(door: Door, task: str) -> None:
    await attach(door, task, 201)
    removed = await door.ask("DELETE", f"/tasks/{task}/attachments/shot.png", 200)
    assert (await door.ask("GET", f"/tasks/{task}/attachments?after={removed['position']}", 200))["items"] == []
    await door.ask("GET", f"/tasks/{task}/attachments/shot.png", 404)
    await door.ask("DELETE", f"/tasks/{task}/attachments/shot.png", 404)


async def test_the_same_key_takes_effect_once_and_with_another_file_is_refused(door: Door, task: str) -> None:
    key: dict[str, Any] = {"Idempotency-Key": "k1"}
    made = await attach(door, task, 201, **key)
    await door.ask("DELETE", f"/tasks/{task}/attachments/shot.png", 200)
    assert await attach(door, task, 201, **key) == made
    assert (await door.ask("GET", f"/tasks/{task}/attachments?after={await door.asked()}", 200))["items"] == []
    refused = await attach(door, task, 422, data=BODY + b"!", **key)
    assert refused["code"] == "idempotency-key-reused"


async def test_another_file_under_a_name_that_is_taken_is_a_conflict(door: Door, task: str) -> None:
    made = await attach(door, task, 201)
    assert (await attach(door, task, 201))["position"] == made["position"]
    assert "another file" in (await attach(door, task, 409, data=b"other"))["detail"]


@pytest.mark.parametrize("name", ["../../etc/shot.png", "C:\\fakepath\\shot.png"])
async def test_the_folders_in_front_of_a_name_are_left_out(door: Door, task: str, name: str) -> None:
    assert (await attach(door, task, 201, name))["name"] == "shot.png"


@pytest.mark.parametrize("name", ["..", "a/", "shot\u202egnp.exe", "x" * 201])
async def test_a_name_that_is_none_is_refused(door: Door, task: str, name: str) -> None:
    before = await door.asked()
    problem = await attach(door, task, 422, name)
    assert problem["errors"][0]["field"] == "file"
    assert await door.asked() == before


async def test_a_file_that_is_too_large_is_refused_by_its_size_and_nothing_changes(door: Door, task: str) -> None:
    before = await door.asked()
    for size in (100_001, 300_000):
        problem = await attach(door, task, 413, data=b"x" * size)
        assert problem["code"] == "body-too-large"
    assert await door.asked() == before
    await attach(door, task, 201, data=b"x" * 100_000)


async def test_a_body_that_grows_past_its_bound_is_cut_off_while_it_arrives(door: Door, task: str) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        while sent < 10_000_000:
            sent += 10_000
            yield b"x" * 10_000

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await door.http.post(f"{API}/tasks/{task}/attachments", content=pieces(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert answer.headers["connection"] == "close"
    assert sent < 200_000


async def test_a_body_that_takes_too_long_is_answered_with_408(settings: Settings) -> None:
    async with opened(settings.model_copy(update={"upload_timeout_s": 0.05})) as door:
        task = await door.idle_task((await door.project())["id"])
        gone = asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            yield b"--b\r\n"
            await gone.wait()

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = await door.http.post(f"{API}/tasks/{task}/attachments", content=pieces(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (408, "request-timeout")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"json": {"file": "x"}}, 415),
        ({"content": b"x"}, 415),
        ({"files": {"other": ("a.txt", b"x")}}, 422),
        ({"files": [("file", ("a.txt", b"x")), ("file", ("b.txt", b"x"))]}, 422),
        ({"data": {"file": "x"}, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
        ({"content": b"--b", "headers": {"Content-Type": "multipart/form-data"}}, 422),
        ({"content": b"nothing", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 422),
    ],
)
async def test_any_other_body_is_refused(door: Door, task: str, given: dict[str, Any], status: int) -> None:
    answer = await door.http.post(f"{API}/tasks/{task}/attachments", **given)
    assert answer.status_code == status, answer.text
    assert answer.json()["remedy"]


async def test_other_routes_take_no_form_and_keep_their_bound(door: Door, task: str) -> None:
    for path in ("comments", "attachments/x", "move"):
        answer = await door.http.post(f"{API}/tasks/{task}/{path}", files={"file": ("a.txt", b"x")})
        assert answer.status_code == 415, path
    comment = await door.http.post(f"{API}/tasks/{task}/comments", json={"text": "x" * 60_000})
    assert comment.status_code == 413


async def test_a_file_for_a_card_that_is_not_there_is_not_kept(door: Door, settings: Settings) -> None:
    await attach(door, "none", 404)
    assert not list(Path(settings.blob_folder("default")).rglob("*"))


async def test_a_page_from_elsewhere_cannot_put_a_file_on_a_card(door: Door, task: str) -> None:
    assert (await attach(door, task, 403, Origin="https://evil.example"))["code"] == "foreign-origin"
