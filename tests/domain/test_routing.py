"""Which model takes which call: by the task's rule, by money, by health (M0.4, B4, M13.2-M13.5, R7, R9)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.ids import PROVIDERS, Provider, Tier, WhenExceeded
from vapora.catalog.manifests import roles, task_types
from vapora.domain import routing
from vapora.domain.model_quality import Evidence
from vapora.domain.models import SIZES, ModelSpec
from vapora.domain.pricing import worst_case
from vapora.llm.catalogue import catalogue, shipped

OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"
SOL, GPT, LUNA = "gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna"
PRO, FLASH, LITE = "gemini-4-argon", "gemini-3.8-flash", "gemini-3.5-flash-lite"
LOCAL = "llama3.3"

MODELS = shipped().models

# Worst cases of an ordinary step, in micro-dollars: 10,000 tokens in, 4,000 out.
COSTS = {spec.model: worst_case(spec.provider, spec.model, 18_000, 4_000) for spec in MODELS}


def options(*without: Provider, costs: dict[str, int] | None = None) -> list[routing.Option]:
    found = COSTS | (costs or {})
    return [routing.Option(spec, found[spec.model]) for spec in MODELS if spec.provider not in without]


def plan(task_type: str = "code-generation", **more: Any) -> routing.RoutingPlan:
    usual: dict[str, Any] = {
        "complexity": "medium",
        "critical": False,
        "size": "standard",
        "tier": Tier.NORMAL,
        "options": options(),
        "needs": routing.Needs(10_000),
        "table": MODELS,
    }
    return routing.plan(task_type=task_type, **{**usual, **more})


def order(found: routing.RoutingPlan) -> list[str]:
    return [option.spec.model for option in found.options]


def excluded(found: routing.RoutingPlan) -> dict[str, str]:
    return {one.model: one.excluded for one in found.candidates if one.excluded is not None}


# --- the rules ---


@pytest.mark.parametrize(
    ("task_type", "low", "medium", "high", "critical"),
    [
        ("architecture-design", OPUS, OPUS, OPUS, OPUS),
        ("security-analysis", OPUS, OPUS, OPUS, OPUS),
        ("code-generation", SONNET, SONNET, OPUS, OPUS),
        ("code-review", SONNET, SONNET, OPUS, OPUS),
        ("code-refactor", SONNET, SONNET, OPUS, OPUS),
        ("unit-test", GPT, GPT, GPT, SOL),
        ("integration-test", GPT, GPT, GPT, SOL),
        ("performance-analysis", PRO, PRO, PRO, PRO),
        ("document-generation", HAIKU, GPT, GPT, SOL),
        ("code-documentation", HAIKU, GPT, GPT, SOL),
        ("api-documentation", HAIKU, GPT, GPT, SOL),
        ("general-query", FLASH, FLASH, FLASH, PRO),
        ("embeddings", LOCAL, LOCAL, LOCAL, LOCAL),
        ("semantic-search", LOCAL, LOCAL, LOCAL, LOCAL),
    ],
)
def test_each_task_type_has_its_model(task_type: str, low: str, medium: str, high: str, critical: str) -> None:
    for size in SIZES:
        assert routing.rule(task_type, "low", False, size, MODELS)[0].model == low
        assert routing.rule(task_type, "medium", False, size, MODELS)[0].model == medium
        assert routing.rule(task_type, "high", False, size, MODELS)[0].model == high
        assert routing.rule(task_type, "medium", True, size, MODELS)[0].model == critical


@pytest.mark.parametrize(
    ("role", "model"),
    [
        ("decision-maker", OPUS),
        ("devops", SONNET),
        ("marketer", SONNET),
        ("presenter", SONNET),
        ("project-manager", SONNET),
        ("monitor", FLASH),
    ],
)
def test_types_without_a_rule_take_the_size_of_their_role(role: str, model: str) -> None:
    manifest = roles()[role]
    found, reason = routing.rule(manifest.task_types[0], "medium", False, manifest.model_tier, MODELS)
    assert found.model == model
    assert reason == f"{manifest.model_tier} model of the role, no rule for {manifest.task_types[0]}: {model}"


def test_every_task_type_of_the_catalogue_finds_a_model_of_all_four_families() -> None:
    found = set()
    for manifest in roles().values():
        for task_type in manifest.task_types:
            found.add(routing.rule(task_type, "medium", False, manifest.model_tier, MODELS)[0].provider)
    assert found == set(PROVIDERS)
    assert len(task_types()) >= 20


def test_low_complexity_and_critical_together_rise_within_the_family() -> None:
    assert routing.rule("api-documentation", "low", True, "standard", MODELS)[0].model == SONNET


def test_the_reason_names_the_rule_and_the_model() -> None:
    assert routing.rule("code-review", "high", True, "standard", MODELS)[1] == (
        f"rule for code-review of high complexity, critical: {OPUS}"
    )
    assert (
        routing.rule("unit-test", "low", True, "standard", MODELS)[1]
        == f"rule for unit-test, critical: one size up: {SOL}"
    )


# --- the table ---


@pytest.mark.parametrize("spec", [spec for spec in MODELS if spec.provider is not Provider.OLLAMA], ids=str)
def test_every_model_of_a_vendor_has_a_price_and_its_true_context(spec: ModelSpec) -> None:
    from genai_prices.data_snapshot import get_snapshot

    assert worst_case(spec.provider, spec.model, 1_000, 100) > 0
    vendor = "google" if spec.provider is Provider.GEMINI else spec.provider
    _, info = get_snapshot().find_provider_model(spec.model, None, vendor, None)
    assert info.context_window == spec.context_tokens


def test_an_installation_names_its_own_local_model() -> None:
    own = catalogue(ollama_model="qwen3-coder").models
    assert [spec.model for spec in own if spec.provider is Provider.OLLAMA] == ["qwen3-coder"]
    offered = [routing.Option(spec, 0) for spec in own if spec.provider is Provider.OLLAMA]
    found = plan("semantic-search", options=offered, table=own)
    assert (order(found), found.policy, found.fallback_reason) == (["qwen3-coder"], "rules", None)
    assert LOCAL not in [one.model for one in found.candidates]


# --- normal: rules, then availability ---


def test_in_the_normal_tier_the_rules_model_comes_first_and_the_next_best_quality_after_it() -> None:
    found = plan()
    assert order(found) == [SONNET, GPT, PRO, FLASH, HAIKU, LUNA, LITE, LOCAL, SOL, OPUS]
    assert (found.policy, found.cheap_chain, found.fallback_reason) == ("rules", False, None)
    assert found.reason == f"rule for code-generation: {SONNET}"
    assert excluded(found) == {}
    assert found.candidates[0].worst_case_microusd == COSTS[SONNET]


def test_a_provider_that_is_down_is_left_out_and_the_next_best_takes_its_place() -> None:
    found = plan(down={Provider.ANTHROPIC: "rate-limited"})
    assert order(found)[0] == GPT
    assert found.policy == "availability"
    assert found.fallback_reason == f"availability; {SONNET}: anthropic is down: rate-limited"
    assert set(excluded(found)) == {OPUS, SONNET, HAIKU}


def test_a_provider_that_is_not_configured_is_left_out_and_named() -> None:
    found = plan("architecture-design", options=options(Provider.ANTHROPIC))
    assert order(found)[0] == SOL
    assert found.policy == "availability"
    assert excluded(found)[OPUS] == "anthropic is not configured"


def test_a_cheap_rule_does_not_fall_back_to_the_dearest_model() -> None:
    assert order(plan("general-query", down={Provider.GEMINI: "timeout"}))[:2] == [HAIKU, LUNA]


def test_a_provider_that_is_down_elsewhere_does_not_change_the_rules() -> None:
    found = plan(down={Provider.GEMINI: "timeout"})
    assert (found.policy, order(found)[0], found.fallback_reason) == ("rules", SONNET, None)
    assert PRO not in order(found)


def test_a_model_whose_context_is_too_small_is_left_out() -> None:
    found = plan("semantic-search", needs=routing.Needs(131_073))
    assert LOCAL not in order(found)
    assert excluded(found)[LOCAL] == "its context of 131072 tokens is too small for 131073"
    assert found.policy == "availability"
    assert order(plan("semantic-search", needs=routing.Needs(131_072)))[0] == LOCAL


def test_a_prompt_that_fits_no_model_leaves_no_option() -> None:
    found = plan(needs=routing.Needs(10**7))
    assert (found.options, found.fallback_reason) == ((), None)
    assert len(excluded(found)) == len(MODELS)


def test_a_model_excluded_for_this_call_says_why_wherever_it_stands() -> None:
    why = {(Provider.ANTHROPIC, SONNET): "context-too-long", (Provider.OLLAMA, LOCAL): "no such model"}
    offered = [one for one in options() if (one.spec.provider, one.spec.model) not in why]
    for given_options in (offered, options()):
        found = plan(options=given_options, excluded=why)
        assert excluded(found) == {SONNET: "context-too-long", LOCAL: "no such model"}
        assert order(found)[0] == GPT


# --- near ---


def test_efficiency_is_quality_over_cost_as_adr_016_has_it() -> None:
    opus, local = (next(one for one in MODELS if one.model == name) for name in (OPUS, LOCAL))
    assert routing.efficiency(routing.Option(opus, 40_000)) == Fraction(95, 5)
    assert routing.efficiency(routing.Option(local, 0)) == 75


def test_near_the_limit_the_best_quality_for_the_cost_comes_first() -> None:
    found = plan(tier=Tier.NEAR)
    assert found.policy == "near-threshold"
    assert [routing.efficiency(one) for one in found.options] == sorted(
        (routing.efficiency(one) for one in found.options), reverse=True
    )
    assert order(found)[:2] == [LOCAL, HAIKU]
    assert order(plan(tier=Tier.NEAR, options=options(Provider.OLLAMA)))[0] == HAIKU
    assert found.fallback_reason == f"budget near its limit, instead of {SONNET}"
    assert not found.cheap_chain


def test_the_ranking_goes_by_this_calls_worst_case_and_not_by_list_prices() -> None:
    large = {model: cost * 100 for model, cost in COSTS.items()}
    assert order(plan(tier=Tier.NEAR, options=options(costs=large)))[0] == LOCAL
    small = dict.fromkeys(COSTS, 1)
    assert order(plan(tier=Tier.NEAR, options=options(costs=small)))[0] == OPUS


def test_near_the_limit_nothing_dearer_than_the_rules_model_is_taken() -> None:
    found = plan("general-query", tier=Tier.NEAR)
    assert {OPUS, SONNET, SOL, GPT, PRO} <= set(excluded(found))
    assert excluded(found)[OPUS] == f"dearer than the rule's {FLASH}"


def test_near_the_limit_a_dearer_model_serves_where_nothing_else_is_left() -> None:
    found = plan("semantic-search", tier=Tier.NEAR, down={Provider.OLLAMA: "connection-refused"})
    assert order(found)[:3] == [LUNA, HAIKU, LITE]
    assert found.policy == "availability"
    assert found.fallback_reason == f"availability; {LOCAL}: ollama is down: connection-refused"


# --- exceeded ---


def test_past_the_limit_what_is_free_comes_first_and_then_the_cheapest_for_this_call() -> None:
    found = plan("architecture-design", tier=Tier.EXCEEDED)
    costs = [one.worst_case_microusd for one in found.options]
    assert order(found)[0] == LOCAL
    assert costs == sorted(costs)
    assert (found.policy, found.cheap_chain) == ("exceeded", True)
    assert found.fallback_reason == f"budget exceeded, instead of {OPUS}"


def test_equal_costs_go_by_the_order_of_the_budget_chain() -> None:
    found = plan(tier=Tier.EXCEEDED, options=options(costs=dict.fromkeys(COSTS, 7)))
    assert list(dict.fromkeys(one.spec.provider for one in found.options)) == [
        Provider.OLLAMA,
        Provider.GEMINI,
        Provider.OPENAI,
        Provider.ANTHROPIC,
    ]


def test_past_the_limit_the_rules_model_may_be_the_cheapest_itself() -> None:
    found = plan("semantic-search", tier=Tier.EXCEEDED)
    assert (order(found)[0], found.fallback_reason) == (LOCAL, None)


def test_without_a_local_model_the_cheapest_cloud_model_is_tried_within_the_overflow() -> None:
    found = plan(tier=Tier.EXCEEDED, options=options(Provider.OLLAMA))
    assert found.cheap_chain
    assert found.options[0].worst_case_microusd == min(cost for model, cost in COSTS.items() if model != LOCAL)


def test_a_budget_that_says_stop_is_named_in_the_reason() -> None:
    found = plan(tier=Tier.EXCEEDED, when_exceeded=WhenExceeded.STOP)
    assert found.reason == "the budget is exceeded and says stop"
    assert found.options


# --- always ---

types = st.sampled_from([*task_types(), "something-new"])
subsets = st.sets(st.sampled_from(PROVIDERS))
costs = st.fixed_dictionaries({spec.model: st.integers(0, 10**6) for spec in MODELS})


@given(
    types,
    st.sampled_from(["low", "medium", "high"]),
    st.booleans(),
    st.sampled_from(SIZES),
    st.sampled_from(Tier),
    subsets,
    subsets,
    st.integers(1, 1_200_000),
    st.booleans(),
    costs,
)
def test_whatever_is_asked_each_model_is_tried_once_or_left_out_with_a_reason(
    task_type: str,
    complexity: routing.Complexity,
    critical: bool,
    size: Any,
    tier: Tier,
    missing: set[Provider],
    down: set[Provider],
    prompt_tokens: int,
    tools: bool,
    costs: dict[str, int],
) -> None:
    found = plan(
        task_type,
        complexity=complexity,
        critical=critical,
        size=size,
        tier=tier,
        options=options(*missing, costs=costs),
        down=dict.fromkeys(down, "timeout"),
        needs=routing.Needs(prompt_tokens, tools=tools),
    )
    tried, left = order(found), excluded(found)
    assert sorted([*tried, *left]) == sorted(spec.model for spec in MODELS)
    assert [one.model for one in found.candidates][: len(tried)] == tried
    able = [
        one
        for one in MODELS
        if one.provider not in missing | down and one.context_tokens >= prompt_tokens and (one.tools or not tools)
    ]
    assert bool(tried) == bool(able)
    assert all(one.spec in able for one in found.options)
    assert found.cheap_chain == (tier is Tier.EXCEEDED)
    ruled, _ = routing.rule(task_type, complexity, critical, size, MODELS)
    assert (found.fallback_reason is None) == (not tried or tried[0] == ruled.model)
    if tier is Tier.NEAR and ruled.provider not in missing and found.policy == "near-threshold":
        assert all(one.worst_case_microusd <= costs[ruled.model] for one in found.options)


@given(costs, subsets)
def test_past_the_limit_no_option_is_cheaper_than_the_one_before_it(
    costs: dict[str, int], missing: set[Provider]
) -> None:
    found = [
        one.worst_case_microusd for one in plan(tier=Tier.EXCEEDED, options=options(*missing, costs=costs)).options
    ]
    assert found == sorted(found)


# --- what an agent's package prefers ---


def test_what_a_package_prefers_goes_first_and_everything_else_holds() -> None:
    found = plan(prefers="openai/gpt-6-luna")
    assert order(found)[0] == LUNA and "prefers openai/gpt-6-luna" in found.reason
    assert order(plan(prefers="openai"))[0] == GPT
    assert order(plan(prefers="openai/gpt-6-luna", down={Provider.OPENAI: "timeout"}))[0] != LUNA
    assert order(plan(prefers="anthropic/claude-opus-5-5", tier=Tier.EXCEEDED)) == order(plan(tier=Tier.EXCEEDED))


def test_a_model_that_there_is_not_is_passed_over() -> None:
    assert order(plan(prefers="openai/gpt-1")) == order(plan()) == order(plan(prefers="nobody"))


# --- learned ---


def evidence(model: str, runs: float, mean: float) -> Evidence:
    spec = next(one for one in MODELS if one.model == model)
    return Evidence(f"{spec.provider}/{model}", runs, runs * mean)


def test_where_quality_is_learned_the_best_goes_first_that_costs_no_more_than_the_rules() -> None:
    """C14: and the decision says what it was learned from."""
    bad = evidence(SONNET, 30, 0.4)
    found = plan(learned=(bad, evidence(HAIKU, 50, 1.0), evidence(OPUS, 50, 1.0)))
    assert found.policy == "learned" and order(found)[0] == HAIKU
    assert order(found).index(OPUS) > order(found).index(SONNET), "dearer, however good"
    assert found.fallback_reason == f"learned quality, instead of {SONNET}"
    assert f"{HAIKU} costs no more and its learned quality is 0.975, against 0.532" in found.reason
    by_model = {one.model: one for one in found.candidates}
    sonnet, local = by_model[SONNET], by_model[LOCAL]
    assert sonnet.quality == pytest.approx(0.5325) and (sonnet.baseline, sonnet.runs) == (0.93, 30)
    assert (local.quality, local.baseline, local.runs) == (0.75, 0.75, 0)
    assert {one.spec for one in found.options} <= set(MODELS), "what is called is as it ships"


def test_without_evidence_or_without_learning_the_rule_stands() -> None:
    assert order(plan(learned=())) == order(plan())
    praised = (evidence(SONNET, 50, 0.94), evidence(HAIKU, 9, 1.0))
    assert order(plan(learned=praised))[0] == SONNET, "nine runs prove nothing yet"
    assert order(plan(learned=(evidence(SONNET, 50, 0.9),)))[0] == SOL, "as good as it ships, and no dearer"
    assert plan().policy == "rules" and all(one.baseline is None for one in plan().candidates)
    kept = plan(prefers=f"anthropic/{SONNET}", learned=(evidence(SONNET, 50, 0.0),))
    assert order(kept)[0] == SONNET, "what the agent's package asks for is not overruled"


def test_money_and_health_go_before_what_was_learned() -> None:
    praised = (evidence(OPUS, 100, 1.0), evidence(SONNET, 100, 0.2))
    near = plan(tier=Tier.NEAR, learned=praised)
    assert near.policy == "near-threshold" and OPUS not in order(near)
    exceeded = plan(tier=Tier.EXCEEDED, learned=praised)
    assert exceeded.cheap_chain and order(exceeded) == order(plan(tier=Tier.EXCEEDED))
    out = plan(options=options(Provider.ANTHROPIC), learned=(evidence(GPT, 90, 0.1),))
    assert out.policy == "availability" and order(out)[0] != GPT
