"""The API over the whole cast in this process, with the rehearsal model and real files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from actors.cast import LocalCast
from tests.api.doors import Door
from vapora.api.app import create_app
from vapora.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data",
        runtime="local",
        model="rehearsal",
        rehearsal_min_delay_s=0,
        rehearsal_max_delay_s=0,
        max_body_bytes=50_000,
    )


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    cast = LocalCast(settings)
    await cast.start()
    app = create_app(cast, settings, version="1.2.3", rehearsal=True)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
        yield Door(http, cast, app)
    await app.state.cells.close()
    await cast.stop()
