"""The port of our own server, where its predecessor may still have it."""

from __future__ import annotations

import asyncio

import pytest

from vapora.api.http_server import bound_when_free
from vapora.errors import ConfigurationError
from vapora.listener import bound


async def test_a_port_is_taken_as_soon_as_its_predecessor_has_left() -> None:
    before = bound("127.0.0.1", 0)
    before.listen()
    port = before.getsockname()[1]
    taking = asyncio.create_task(bound_when_free("127.0.0.1", port, within_s=300))
    done, _ = await asyncio.wait([taking], timeout=0.2)
    assert not done
    before.close()
    async with asyncio.timeout(60):
        with await taking as taken:
            assert taken.getsockname() == ("127.0.0.1", port)


async def test_a_port_that_another_keeps_is_said_with_what_to_do() -> None:
    with bound("127.0.0.1", 0) as before:
        before.listen()
        port = before.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port} on 127.0.0.1 cannot be used") as refused:
            await bound_when_free("127.0.0.1", port, within_s=0)
    assert "--port" in refused.value.remedy
