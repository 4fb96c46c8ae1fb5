from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.schemas import ROOT
from vapora.deploy import render

# Beside the environments: what their files offer as another choice, with the options that choose it.
VARIANTS: dict[str, dict[str, str]] = {
    "solo": {},
    "development": {},
    "staging": {},
    "production": {},
    "development with Redis": {"control_store": "redis"},
    "production with RocksDB": {"control_store": "rocksdb"},
    "production without a mesh inside": {"mesh": "edge"},
}


@pytest.fixture(scope="session")
def rendered() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The objects of every environment and variant, by file."""
    return {name: render.manifests(ROOT, name.split()[0], **options) for name, options in VARIANTS.items()}


@pytest.fixture(scope="session")
def objects(rendered: dict[str, dict[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """The same without the files."""
    return {name: [one for file in files.values() for one in file] for name, files in rendered.items()}
