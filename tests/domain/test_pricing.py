from __future__ import annotations

import math
import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import genai_prices
import pytest
from genai_prices.types import ModelPrice, Tier, TieredPrices
from hypothesis import given, settings
from hypothesis import strategies as st

from vapora.domain import pricing
from vapora.domain.pricing import PriceBook, Rate, Rates, TokenUsage
from vapora.errors import UnpricedModelError

MODELS = [
    ("anthropic", "claude-opus-5-5"),
    ("anthropic", "claude-sonnet-5-5"),
    ("anthropic", "claude-haiku-5-5"),
    ("anthropic", "claude-haiku-4-5-20251001"),
    ("openai", "gpt-6.1-sol"),
    ("openai", "gpt-6.1-terra"),
    ("openai", "gpt-6-luna"),
    ("openai", "gpt-5.6-luna"),
    ("openai", "gpt-4.1-mini"),
    ("gemini", "gemini-4-argon"),
    ("gemini", "gemini-3.8-flash"),
    ("gemini", "gemini-3.5-flash-lite"),
    ("gemini", "gemini-2.5-pro"),
]
# Before and after the announced rises of gemini-4-argon (1 December 2026) and gemini-3.8-flash (2027).
MOMENTS = [
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 12, 2, tzinfo=UTC),
    datetime(2027, 6, 1, tzinfo=UTC),
]
NOVEMBER = MOMENTS[0]

counts = st.integers(min_value=0, max_value=2_000_000)


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    prompt = draw(counts)
    read = draw(st.integers(0, prompt))
    return TokenUsage(prompt, draw(counts), read, draw(st.integers(0, prompt - read)))


def library_cost(provider: str, model: str, usage: TokenUsage, at: datetime) -> int:
    listed = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
        ),
        model,
        provider_id="google" if provider == "gemini" else provider,
        genai_request_timestamp=at,
    )
    total: Decimal = listed.total_price
    return math.ceil(total * 1_000_000)


@settings(deadline=None)  # the first one loads the prices
@given(st.sampled_from(MODELS), usages(), st.sampled_from(MOMENTS))
def test_a_cost_is_what_the_library_says_rounded_up_once(
    named: tuple[str, str], usage: TokenUsage, at: datetime
) -> None:
    assert pricing.cost(*named, usage, at=at) == library_cost(*named, usage, at)


@given(st.sampled_from(MODELS), usages(), st.sampled_from(MOMENTS))
def test_no_call_costs_more_than_its_worst_case(named: tuple[str, str], usage: TokenUsage, at: datetime) -> None:
    """Whatever part of the prompt was cached, as long as the tokens keep to the bounds."""
    bounded = 2 * max(0, usage.input_tokens - pricing.EXTRA_TOKENS)
    worst = pricing.worst_case(*named, bounded, usage.output_tokens, at=at)
    assert worst >= pricing.cost(*named, usage, at=at)


# Micro-dollars a token, some of them endless as decimals.
prices = st.decimals(0, 1_000, allow_nan=False, places=6) | st.fractions(0, 9).map(
    lambda one: Decimal(one.numerator) / one.denominator
)
rate = st.builds(
    lambda base, tiers: Rate(base, tuple(sorted(tiers.items()))),
    prices,
    st.dictionaries(st.integers(0, 1_000_000), prices, max_size=3),
)


@given(st.builds(Rates, rate, rate, rate, rate), counts, counts)
def test_the_most_in_whole_numbers_is_the_exact_worst_case(rates: Rates, prompt: int, output: int) -> None:
    dearest = max(Fraction(one.highest_to(prompt)) for one in (rates.uncached, rates.cache_read, rates.cache_write))
    exactly = dearest * prompt + Fraction(rates.output.highest_to(prompt)) * output
    assert rates.most(prompt, output) == math.ceil(exactly)
    assert rates.is_free == (rates.most(10**9, 10**9) == 0)


@given(st.sampled_from(MODELS), counts, counts, st.sampled_from(MOMENTS))
def test_a_listed_worst_case_is_that_of_the_decimals(
    named: tuple[str, str], size: int, output: int, at: datetime
) -> None:
    moments = (at, at + timedelta(days=1))
    prompt = math.ceil(size / pricing.BYTES_PER_TOKEN) + pricing.EXTRA_TOKENS
    worst = max(math.ceil(PriceBook().rates(*named, moment).worst(prompt, output)) for moment in moments)
    assert pricing.worst_case(*named, size, output, at=at) == worst


@given(st.sampled_from(MODELS), counts, counts, st.integers(0, 10_000))
def test_a_worst_case_never_falls_when_a_request_grows(
    named: tuple[str, str], size: int, output: int, more: int
) -> None:
    small = pricing.worst_case(*named, size, output, at=NOVEMBER)
    assert pricing.worst_case(*named, size + more, output, at=NOVEMBER) >= small
    assert pricing.worst_case(*named, size, output + more, at=NOVEMBER) >= small


@pytest.mark.parametrize(
    ("provider", "model", "usage", "expected"),
    [
        ("anthropic", "claude-opus-5-5", TokenUsage(1_000_000, 0), 4_000_000),
        ("anthropic", "claude-opus-5-5", TokenUsage(0, 1_000_000), 20_000_000),
        # 100 plain at 4, 200 read at 0.2, 50 written at 5, 10 out at 20
        ("anthropic", "claude-opus-5-5", TokenUsage(350, 10, 200, 50), 400 + 40 + 250 + 200),
        ("openai", "gpt-6.1-sol", TokenUsage(1_000, 1_000), 2_000 + 10_000),
        ("gemini", "gemini-3.8-flash", TokenUsage(1_000, 1_000), 750 + 3_750),
        # 1 token at 0.1 is a tenth of a micro-dollar: rounded up, once
        ("openai", "gpt-6-luna", TokenUsage(1, 0), 1),
        ("openai", "gpt-6-luna", TokenUsage(1, 1), 1),
        ("openai", "gpt-6-luna", TokenUsage(0, 0), 0),
        ("ollama", "whatever:70b", TokenUsage(10**9, 10**9), 0),
    ],
)
def test_costs_by_hand(provider: str, model: str, usage: TokenUsage, expected: int) -> None:
    assert pricing.cost(provider, model, usage, at=NOVEMBER) == expected


def test_a_worst_case_by_hand() -> None:
    # (1,001 / 2 up + 1,000) tokens at 2.5, the cache write, which OpenAI may do unasked; 100 at 10
    expected = math.ceil(Decimal(501 + 1_000) * Decimal("2.5")) + 1_000
    assert pricing.worst_case("openai", "gpt-6.1-sol", 1_001, 100, at=NOVEMBER) == expected
    assert pricing.worst_case("ollama", "anything", 10**6, 10**6) == 0


def test_the_tier_is_that_of_the_whole_prompt() -> None:
    below = pricing.cost("openai", "gpt-6.1-sol", TokenUsage(272_000, 1), at=NOVEMBER)
    above = pricing.cost("openai", "gpt-6.1-sol", TokenUsage(272_001, 1), at=NOVEMBER)
    assert above > 1.9 * below
    assert pricing.worst_case("openai", "gpt-6.1-sol", 2 * 271_001, 1, at=NOVEMBER) > 272_001 * 4


def test_an_announced_rise_holds_from_its_day_and_in_reservations_a_day_before() -> None:
    usage = TokenUsage(1_000, 0)
    eve = datetime(2026, 11, 30, 12, tzinfo=UTC)
    after = datetime(2026, 12, 1, 0, tzinfo=UTC)
    named = ("gemini", "gemini-4-argon")
    assert pricing.cost(*named, usage, at=eve) == 2_000
    assert pricing.cost(*named, usage, at=after) == 4_000
    assert pricing.worst_case(*named, 0, 0, at=eve) == 4_000
    assert pricing.worst_case(*named, 0, 0, at=NOVEMBER) == 2_000


def test_an_unknown_model_is_refused_with_what_to_do() -> None:
    for provider, model in (
        ("openai", "gpt-nonsense-9"),
        ("nobody", "claude-opus-5-5"),
        ("openai", "text-embedding-3-small"),  # has no price for output
    ):
        with pytest.raises(UnpricedModelError):
            pricing.worst_case(provider, model, 1, 1)
        with pytest.raises(UnpricedModelError) as caught:
            pricing.cost(provider, model, TokenUsage(1, 1))
        assert caught.value.details["model"] in str(caught.value)
        assert "price" in caught.value.remedy
        assert pickle.loads(pickle.dumps(caught.value)).details == caught.value.details


def test_an_operators_own_price_goes_first() -> None:
    book = PriceBook({("openai", "house-model"): (1_500_000, 2_000_001), ("ollama", "cloud"): (1_000_000, 0)})
    assert book.cost("openai", "house-model", TokenUsage(3, 1, 1)) == math.ceil(4.5 + 2.000001)
    written = TokenUsage(1_000, 0, cache_write_tokens=1_000)
    assert book.worst_case("openai", "house-model", 0, 0) == book.cost("openai", "house-model", written) == 1_875
    assert book.cost("ollama", "cloud", TokenUsage(7, 7)) == 7
    assert book.cost("anthropic", "claude-opus-5-5", TokenUsage(1, 0)) == 4


def test_a_report_that_contradicts_itself_is_still_charged() -> None:
    """More tokens cached than there were: the library refuses to calculate; money was spent all the same."""
    usage = TokenUsage(10, 0, cache_read_tokens=100)
    assert pricing.cost("anthropic", "claude-opus-5-5", usage, at=NOVEMBER) == 20


@given(usages())
def test_a_price_with_parts_of_its_own_is_left_to_the_library(usage: TokenUsage) -> None:
    tiered = TieredPrices(base=Decimal(1), tiers=[Tier(start=1_000, price=Decimal(3))])
    price = ModelPrice(
        input_mtok=tiered,
        output_mtok=Decimal("2.5"),
        cache_read_mtok=Decimal("0.1"),
        requests_kcount=Decimal(12),
    )
    info = SimpleNamespace(get_prices=lambda at: price, prices=price)
    rates = pricing._ListedModel(info, "openai", "odd").rates(NOVEMBER)
    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    assert rates.cost(usage) == price.calc_price(counted)["total_price"] * 1_000_000
    assert rates.worst(usage.input_tokens, usage.output_tokens) >= rates.cost(usage)
