"""Tokens to money, exactly (M0.4, interface "Money and tokens").

A cost is the exact decimal sum over a call's parts, rounded up once to a micro-dollar. A worst case bounds
what a call can cost before it is made. Prices are those of the `genai-prices` package, which works
offline; what an operator has agreed with a vendor goes before it (`PriceBook(overrides)`). A model
without a price is never called: the error says so.

A price in dollars per million tokens is the same number in micro-dollars per token, so no conversion
stands anywhere below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Context, Decimal
from functools import cached_property, lru_cache
from typing import Any, Protocol

from events.ids import Provider
from events.money import MicroUsd
from vapora.errors import UnpricedModelError

FREE_PROVIDERS = frozenset({"ollama"})
BYTES_PER_TOKEN = 2
EXTRA_TOKENS = 1_000

# Ids that differ in genai-prices.
_LISTED_AS = {"gemini": "google"}
_OURS = frozenset({"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok"})
# Prices of things that we never ask for, so they add nothing. Any other key makes the library calculate.
_NOT_ASKED_FOR = ("_kcount", "_hours", "_mchars", "_1h_mtok", "_5m_mtok", "_seconds")
_NOT_TEXT = ("audio", "image", "video")
# What the vendors that bill it charge for writing input to their cache, times its price.
_CACHE_WRITE = Decimal("1.25")
# Longer than any number of tokens times any price, so that nothing but the final step rounds.
_EXACT = Context(prec=60)
_DAY = timedelta(days=1)


class TokenCounts(Protocol):
    """What a usage must have to be priced; `vapora.llm.protocol.Usage` has it. Cached ones are in the input."""

    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def cache_read_tokens(self) -> int: ...
    @property
    def cache_write_tokens(self) -> int: ...


@dataclass(frozen=True)
class TokenUsage:
    """Tokens as billed, where no `Usage` of the llm room is at hand."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True)
class Rate:
    """Micro-dollars a token. `tiers`: (prompt tokens that must be exceeded, rate), ascending.

    A tier holds for the whole call once the prompt exceeds its threshold (a cliff, not brackets).
    """

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, prompt_tokens: int) -> Decimal:
        rate = self.base
        for start, price in self.tiers:
            if prompt_tokens > start:
                rate = price
        return rate

    def of_text(self, tokens: int) -> MicroUsd:
        """What so many tokens cost, in micro-dollars, rounded up."""
        return _up(self.at(tokens) * tokens)

    def highest_to(self, prompt_tokens: int) -> Decimal:
        """The dearest rate that a prompt of at most this many tokens can meet."""
        return max([self.base, *(price for start, price in self.tiers if prompt_tokens > start)])


@dataclass(frozen=True)
class Rates:
    """A model's rates at one moment. `listed`: the library's own price, where only it can calculate."""

    uncached: Rate
    output: Rate
    cache_read: Rate
    cache_write: Rate
    listed: Any = None

    def cost(self, usage: TokenCounts) -> Decimal:
        """Exact, in micro-dollars. Cached tokens beyond the input's number are charged all the same."""
        prompt = usage.input_tokens
        read, written = usage.cache_read_tokens, usage.cache_write_tokens
        if self.listed is not None and read + written <= prompt:
            return _library_cost(self.listed, usage)
        return (
            self.uncached.at(prompt) * max(0, prompt - read - written)
            + self.cache_read.at(prompt) * read
            + self.cache_write.at(prompt) * written
            + self.output.at(prompt) * usage.output_tokens
        )

    def most(self, prompt_tokens: int, output_tokens: int) -> MicroUsd:
        """`worst`, rounded up. In whole numbers, which takes a tenth of the time and rounds nothing on the way."""
        if self.listed is not None:
            return _up(self.worst(prompt_tokens, output_tokens))
        scale, steps = self._steps
        amount = 0
        for start, dearest, output in steps:
            if prompt_tokens <= start:
                break
            amount = dearest * prompt_tokens + output * output_tokens
        return MicroUsd(-(-amount // scale))

    @cached_property
    def is_free(self) -> bool:
        return self.listed is None and not any(dearest or output for _, dearest, output in self._steps[1])

    @cached_property
    def _steps(self) -> tuple[int, tuple[tuple[int, int, int], ...]]:
        """The dearest input and the output, as multiples of one part of a micro-dollar, from each number of prompt
        tokens on that must be exceeded."""
        inputs = (self.uncached, self.cache_read, self.cache_write)
        starts = sorted({-1, *(start for rate in (*inputs, self.output) for start, _ in rate.tiers)})
        dear = [max(rate.highest_to(start + 1) for rate in inputs) for start in starts]
        out = [self.output.highest_to(start + 1) for start in starts]
        places = max(0, *(-int(rate.as_tuple().exponent) for rate in (*dear, *out)))
        whole = [[int(rate.scaleb(places, _EXACT)) for rate in rates] for rates in (dear, out)]
        return 10**places, tuple(zip(starts, *whole, strict=True))

    def worst(self, prompt_tokens: int, output_tokens: int) -> Decimal:
        dearest = max(rate.highest_to(prompt_tokens) for rate in (self.uncached, self.cache_read, self.cache_write))
        bound = dearest * prompt_tokens + self.output.highest_to(prompt_tokens) * output_tokens
        if self.listed is None:
            return bound
        return max(bound, _library_cost(self.listed, TokenUsage(prompt_tokens, output_tokens)))


class Bound:
    """The most that calls of one model can cost. `rates`: those of the moments at which one may be billed."""

    __slots__ = ("_first", "_rates", "is_free")

    def __init__(self, *rates: Rates) -> None:
        self._first, *self._rates = rates
        self.is_free = all(one.is_free for one in rates)

    def of(self, request_bytes: int, max_output_tokens: int) -> MicroUsd:
        """In micro-dollars. The prompt is taken as bytes / 2 + 1,000 tokens, all at the dearest kind of input. That is
        the cache write where it is dearer: OpenAI caches by itself and bills it, Anthropic where a conversation has
        tools."""
        prompt = -(-request_bytes // BYTES_PER_TOKEN) + EXTRA_TOKENS
        most = self._first.most(prompt, max_output_tokens)
        for rates in self._rates:
            most = max(most, rates.most(prompt, max_output_tokens))
        return most


class PriceBook:
    """Prices with an operator's own before the listed ones.

    `overrides`: (provider, model) to (input, output) in micro-dollars per million tokens. An override has
    no tiers; input that is read from a cache is charged like any other, and writing it 1.25 times. `named`: those of
    the catalogue, which come next.
    """

    def __init__(
        self,
        overrides: Mapping[tuple[str, str], tuple[int, int]] | None = None,
        named: Mapping[tuple[Provider, str], Rates] | None = None,
    ) -> None:
        self._own = {(str(provider), model): rates for (provider, model), rates in (named or {}).items()}
        self._own |= {
            (str(provider), model): _flat(Decimal(cost_in) / 1_000_000, Decimal(cost_out) / 1_000_000)
            for (provider, model), (cost_in, cost_out) in (overrides or {}).items()
        }
        self._bounds: dict[tuple[str, str], Bound] = {}

    def rates(self, provider: str, model: str, at: datetime | None = None) -> Rates:
        """`at`: when the call is made; listed prices change on announced days. None is now.

        Raises `UnpricedModelError`.
        """
        provider = str(provider)
        if (own := self._own.get((provider, model))) is not None:
            return own
        if provider in FREE_PROVIDERS:
            return _FREE
        return _listed(provider, model).rates(at or datetime.now(UTC))

    def text_rate(self, provider: str, model: str, at: datetime | None = None) -> Rate:
        """What a token of a text costs that a vector is made of, in micro-dollars: nothing is written for it, so a
        model needs no price of its output. Raises `UnpricedModelError`."""
        named = (str(provider), model)
        if (own := self._own.get(named)) is not None:
            return own.uncached
        return _FREE.uncached if named[0] in FREE_PROVIDERS else _listed(*named).text_rate(at or datetime.now(UTC))

    def cost(self, provider: str, model: str, usage: TokenCounts, *, at: datetime | None = None) -> MicroUsd:
        """What a call cost, in micro-dollars."""
        return _up(self.rates(provider, model, at).cost(usage))

    def worst_case(
        self,
        provider: str,
        model: str,
        request_bytes: int,
        max_output_tokens: int,
        *,
        at: datetime | None = None,
    ) -> MicroUsd:
        """The most that a call can cost, in micro-dollars."""
        return self.bound(provider, model, at).of(request_bytes, max_output_tokens)

    def bound(self, provider: str, model: str, at: datetime | None = None) -> Bound:
        """A price that rises within a day counts already, for a call may be billed after the change."""
        if (found := self._bounds.get((provider, model))) is not None:
            return found
        now = at or datetime.now(UTC)
        today = self.rates(provider, model, now)
        later = self.rates(provider, model, now + _DAY)
        if later is not today:
            return Bound(today, later)
        bound = Bound(today)
        if self._holds_always(provider, model):
            self._bounds[provider, model] = bound
        return bound

    def _holds_always(self, provider: str, model: str) -> bool:
        """Whether its price is the same on every day."""
        named = (str(provider), model)
        return named in self._own or named[0] in FREE_PROVIDERS or _listed(*named).holds_always


def cost(provider: str, model: str, usage: TokenCounts, *, at: datetime | None = None) -> MicroUsd:
    """`PriceBook.cost` with listed prices only."""
    return _LISTED_ONLY.cost(provider, model, usage, at=at)


def worst_case(
    provider: str, model: str, request_bytes: int, max_output_tokens: int, *, at: datetime | None = None
) -> MicroUsd:
    """`PriceBook.worst_case` with listed prices only."""
    return _LISTED_ONLY.worst_case(provider, model, request_bytes, max_output_tokens, at=at)


class _ListedModel:
    """One model of the library, with the rates of each of its prices taken out once.

    The library needs 0.7 ms for a calculation and this 5 µs.
    """

    def __init__(self, info: Any, provider: str, model: str) -> None:
        self._info = info
        self._named = (provider, model)
        self._rates: dict[int, Rates] = {}
        self.holds_always = not isinstance(info.prices, list)

    def rates(self, at: datetime) -> Rates:
        price = self._info.get_prices(at)
        # The library holds its prices for ever, so an identity is never used again.
        if (found := self._rates.get(id(price))) is None:
            found = self._rates[id(price)] = _rates_of(price, *self._named)
        return found

    def text_rate(self, at: datetime) -> Rate:
        rate = _rate(self._info.get_prices(at).input_mtok)
        if rate is None:
            raise _unpriced(*self._named)
        return rate


@lru_cache(maxsize=4096)
def _listed(provider: str, model: str) -> _ListedModel:
    from genai_prices.data_snapshot import get_snapshot  # 0.3 to 0.7 s: not before a price is needed

    try:
        listed_as = _LISTED_AS.get(provider, provider)
        _, info = get_snapshot().find_provider_model(model, None, listed_as, None)
    except LookupError:
        raise _unpriced(provider, model) from None
    return _ListedModel(info, provider, model)


def _rates_of(price: Any, provider: str, model: str) -> Rates:
    given = {key: value for key, value in vars(price).items() if value is not None}
    uncached, output = _rate(given.get("input_mtok")), _rate(given.get("output_mtok"))
    if uncached is None or output is None:
        raise _unpriced(provider, model)
    plain = all(key in _OURS or _adds_nothing(key) for key in given)
    return Rates(
        uncached=uncached,
        output=output,
        # Without a price of its own, cached input is input like any other.
        cache_read=_rate(given.get("cache_read_mtok")) or uncached,
        cache_write=_rate(given.get("cache_write_mtok")) or uncached,
        listed=None if plain else price,
    )


def _adds_nothing(key: str) -> bool:
    if key == "requests_kcount":
        return False  # charged for each request, whatever is in it
    return key.endswith(_NOT_ASKED_FOR) or any(word in key for word in _NOT_TEXT)


def _rate(value: Any) -> Rate | None:
    if value is None:
        return None
    if isinstance(value, Decimal):
        return Rate(value)
    return Rate(value.base, tuple((tier.start, tier.price) for tier in value.tiers))


def _library_cost(price: Any, usage: TokenCounts) -> Decimal:
    from genai_prices import Usage

    counted = Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    total: Decimal = price.calc_price(counted)["total_price"]
    return total * 1_000_000


def _flat(cost_in: Decimal, cost_out: Decimal) -> Rates:
    rate = Rate(cost_in)
    return Rates(uncached=rate, output=Rate(cost_out), cache_read=rate, cache_write=Rate(cost_in * _CACHE_WRITE))


def _up(amount: Decimal) -> MicroUsd:
    return MicroUsd(int(amount.to_integral_value(rounding=ROUND_CEILING, context=_EXACT)))


def _unpriced(provider: str, model: str) -> UnpricedModelError:
    return UnpricedModelError(
        f"No price is known for the model {model!r} of {provider}, so it is not called.",
        remedy="Correct its name, update the package genai-prices, or set its price in the settings.",
        provider=provider,
        model=model,
    )


_FREE = _flat(Decimal(0), Decimal(0))
_LISTED_ONLY = PriceBook()
