"""No name that programs of others rely on goes or changes by accident; and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from tests.sdk import names
from vapora import sdk


def test_the_public_names_are_those_that_were_written_down() -> None:
    assert names.text() == names.FILE.read_text(encoding="utf-8"), "meant so? then: python -m tests.sdk.names"


def test_each_public_name_is_what_its_module_says_and_no_other_is_there() -> None:
    for name in sdk.__all__:
        assert getattr(sdk, name) is getattr(import_module(f"vapora.sdk.{sdk._MODULES[name]}"), name)
    assert {*sdk.__all__} == {*sdk._MODULES} <= {*dir(sdk)}
    with pytest.raises(AttributeError, match="has no attribute 'Sync'"):
        _ = sdk.Sync


def test_importing_vapora_costs_less_than_half_a_second_and_loads_nothing_heavy() -> None:
    heavy_ones = ["ray", "fastapi", "pandas", "polars", "matplotlib", "IPython", "numpy"]
    # What only those need who follow what happens, or work without threads.
    heavy_ones += ["websockets", "vapora.sdk.live", "vapora.sdk.live_board", "vapora.sdk.async_client"]
    code = (
        "import os, sys, vapora; t = os.times(); "
        f"print(t.user + t.system, *sorted({{*{heavy_ones}}} & {{*sys.modules}}))"
    )
    both = [code, code.replace("vapora;", "vapora; vapora.Client;", 1)]
    # What a process has computed: this machine may have other things to do.
    said = [subprocess.run([sys.executable, "-c", one], capture_output=True, text=True, check=True) for one in both]
    seconds, *heavy = said[0].stdout.split()
    assert float(seconds) < 0.5
    assert heavy == said[1].stdout.split()[1:] == []
