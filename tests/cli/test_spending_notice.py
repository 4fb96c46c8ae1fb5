"""What is said about money at the start, by the real command with real SDKs configured."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from events.ids import Provider, Scope, Tier, WhenExceeded
from tests.waiting import DEADLINE_S
from vapora.cli.spending_notice import notice
from vapora.views import BudgetView


def budget(scope: Scope, name: str, monthly: int | None = None, weekly: int | None = None) -> BudgetView:
    return BudgetView(
        scope=scope,
        id=name,
        tier=Tier.NORMAL,
        when_exceeded=WhenExceeded.FALLBACK,
        monthly_limit_cents=monthly,
        weekly_limit_cents=weekly,
        overflow_cents=0,
        monthly_spent_microusd=0,
        weekly_spent_microusd=0,
        monthly_held_microusd=0,
        weekly_held_microusd=0,
        utilisation=0.0,
        simulated=False,
        position=1,
    )


PAID = (Provider.ANTHROPIC, Provider.OLLAMA)
FREE = (Provider.OLLAMA,)
COMMAND = "vapora budget set default --scope workspace --monthly-cents 2000"


def test_an_unlimited_start_is_said_loudly_with_the_command_that_caps_it() -> None:
    said = "\n".join(notice(PAID, [budget(Scope.ROLE, "developer")], FREE))
    assert "anthropic, ollama will answer. THIS COSTS MONEY: anthropic will bill you" in said
    assert "NO LIMIT     Nothing limits what may be spent" in said
    assert COMMAND in said
    assert "VAPORA_DEFAULT_CAP_CENTS=2000" in said


def test_the_limits_that_hold_are_named() -> None:
    limits = [budget(Scope.WORKSPACE, "default", 2_000, 500), budget(Scope.ROLE, "developer", 500)]
    said = "\n".join(notice(PAID, [*limits, *limits, budget(Scope.TASK, "t1", 1)], FREE))
    assert "Limits: workspace default $20.00 a month and $5.00 a week; role developer $5.00 a month." in said
    assert "NO LIMIT" not in said


def test_limits_of_roles_do_not_hide_that_the_workspace_has_none() -> None:
    said = "\n".join(notice(PAID, [budget(Scope.ROLE, "developer", 500)], FREE))
    assert "role developer $5.00 a month" in said
    assert "The workspace as a whole has no limit" in said


def test_local_models_alone_cost_nothing() -> None:
    [said] = notice((Provider.OLLAMA,), [], FREE)
    assert "cost nothing" in said


@pytest.mark.parametrize("cap", [None, "1234"])
def test_a_real_start_says_it_and_a_default_cap_is_set(tmp_path: Path, port: int, cap: str | None) -> None:
    command = [sys.executable, "-m", "vapora", "up", "--json", "--port", str(port), "--data", str(tmp_path / "data")]
    environ = os.environ | {
        "VAPORA_RUNTIME": "local",
        "OPENAI_API_KEY": "sk-nobody",
        "OPENAI_BASE_URL": "http://[::1]:9",
    }
    if cap is not None:
        environ["VAPORA_DEFAULT_CAP_CENTS"] = cap
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        said = ""
        while "REAL MODELS" not in said or not said.endswith(("a month.\n", "CENTS=2000.\n")):
            line = process.stderr.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    assert "openai will bill you" in said
    assert ("NO LIMIT" in said) is (cap is None)
    assert ("workspace default $12.34 a month" in said) is (cap is not None)
