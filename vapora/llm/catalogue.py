"""Which providers and models there are: `models.toml` beside this file, and an operator's own file over it.

A provider is a name, the dialect that it speaks (`vapora.llm.dialects`), where it is, and the environment
variable that holds its key; never the key itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from events.ids import Provider
from vapora import secret_files
from vapora.domain.models import ModelSpec, Size
from vapora.domain.pricing import Rate, Rates
from vapora.errors import ConfigurationError
from vapora.llm.dialects import DIALECTS
from vapora.settings import Settings

# What a local model's image counts as: no server says it beforehand, and it is free, so that only the room in its
# context depends on it. Llama 3.2 Vision has 6,404 at most (four tiles of 1,601), Qwen 2.5 VL mostly below 4,096.
_LOCAL_IMAGE_TOKENS = 6_404
_MODELS = {"models", "embeddings"}
_QUALITY: dict[Size, float] = {"economy": 0.75, "standard": 0.85, "premium": 0.9}


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,79}", name):
        # Not repeated: it may be the key.
        raise ValueError("must be the name of an environment variable, in capitals; never the key itself")
    return name


def _address(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", url):
        raise ValueError("must be an http or https address without a name or password in it")
    return url


_Variable = Annotated[str, AfterValidator(_variable)]
_Money = Annotated[Decimal, Field(ge=0, le=10_000)]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tier(_Form):
    """What the whole call costs once its prompt has more tokens than `above`."""

    above: int = Field(gt=0)
    input: _Money
    output: _Money


class Prices(_Form):
    """Dollars for a million tokens. Without prices of their own, cached input costs as much as any other, and writing
    it to a cache 1.25 times."""

    input: _Money
    output: _Money
    cache_read: _Money | None = None
    cache_write: _Money | None = None
    tiers: tuple[Tier, ...] = ()

    def rates(self) -> Rates:
        """The cache's prices rise with the tiers as the input's does."""
        tiers = sorted(self.tiers, key=lambda tier: tier.above)
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input * Decimal("1.25") if self.cache_write is None else self.cache_write

        def rising(base: Decimal) -> Rate:
            share = base / self.input if self.input else Decimal(0)
            return Rate(base, tuple((tier.above, tier.input * share) for tier in tiers))

        output = Rate(self.output, tuple((tier.above, tier.output) for tier in tiers))
        return Rates(uncached=rising(self.input), output=output, cache_read=rising(read), cache_write=rising(write))


class Model(_Form):
    model: str = Field(min_length=1, max_length=200)
    size: Size = "standard"
    quality: float | None = Field(default=None, ge=0, le=1)
    context_tokens: int = Field(gt=0)
    output_tokens: int = Field(gt=0)
    tools: bool | None = None
    vision: bool | None = None
    image_tokens: int | None = Field(default=None, gt=0)
    prices: Prices | None = None

    @model_validator(mode="after")
    def _an_image_has_a_bound(self) -> Self:
        """Else a call that shows one could cost more than was held for it."""
        if self.vision and self.image_tokens is None:
            raise ValueError("vision = true needs image_tokens, the most tokens that its vendor counts an image as")
        return self


class Embedding(_Form):
    """A model that makes vectors of texts. `dimensions`: how many numbers a vector is to have, where it can be asked
    for fewer than it has; `text_bytes`: how much of a text it is shown. `input`: dollars for a million tokens."""

    model: str = Field(min_length=1, max_length=200, pattern=r"^\S+$")
    dimensions: int | None = Field(default=None, ge=2, le=4_096)
    text_bytes: int = Field(default=8_000, ge=100, le=8_000)
    input: _Money | None = None


class Listing(_Form):
    """A provider as a file names it."""

    dialect: str = ""
    key: _Variable | None = None
    address: _Variable | None = None
    url: Annotated[str, AfterValidator(_address)] | None = None
    configured_by: _Variable | None = None
    free: bool = False
    models: tuple[Model, ...] = ()
    embeddings: tuple[Embedding, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a provider is reached. `switch`: the variable whose presence configures it; '' where the file alone does.
    `key`: the variable that holds its key; `address`: the one that holds another address than `url`."""

    provider: Provider
    dialect: str
    switch: str = ""
    key: str = ""
    address: str = ""
    url: str | None = None
    free: bool = False

    def where(self, environ: Mapping[str, str]) -> str:
        """The address that it is asked at."""
        return read(environ, self.address) or self.url or DIALECTS[self.dialect].default_url

    def configured(self, environ: Mapping[str, str]) -> bool:
        """A variable that is empty or blank counts as absent."""
        return not self.switch or bool(read(environ, self.switch))


@dataclass(frozen=True)
class Catalogue:
    """`prices`: those that stand in a file, which go before the price list's."""

    endpoints: tuple[Endpoint, ...]
    models: tuple[ModelSpec, ...]
    prices: dict[tuple[Provider, str], Rates] = field(default_factory=dict)
    embeddings: dict[tuple[str, str], Embedding] = field(default_factory=dict)

    def embedding(self, provider: str, model: str) -> Embedding | None:
        """The model that makes vectors, if it may be asked: one that is listed, or any of a provider that is free."""
        free = any(one.provider == provider and one.free for one in self.endpoints)
        return self.embeddings.get((provider, model)) or (Embedding(model=model) if free else None)

    def endpoint(self, provider: Provider) -> Endpoint:
        return next(one for one in self.endpoints if one.provider == provider)


def read(environ: Mapping[str, str], variable: str) -> str:
    """What it holds, or the file that `<variable>_FILE` names. Raises `ConfigurationError`."""
    return secret_files.read(environ, variable) if variable else ""


@cache
def shipped() -> Catalogue:
    text = files("vapora.llm").joinpath("models.toml").read_text(encoding="utf-8")
    return _catalogue(_listings(text, "models.toml"))


def installed(settings: Settings) -> Catalogue:
    """What this installation has. Raises `ConfigurationError`."""
    return catalogue(settings.models_file, settings.ollama_model)


def own_prices(settings: Settings, known: Catalogue) -> dict[tuple[str, str], tuple[int, int]]:
    """Those of `VAPORA_PRICES`, by provider and model. Raises `ConfigurationError`."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    providers = [one.provider for one in known.endpoints]
    for name, price in settings.prices.items():
        provider, slash, model = name.partition("/")
        if not slash or provider not in providers:
            raise ConfigurationError(
                f"The price of '{name}' names no provider.",
                remedy=f"Write provider/model in VAPORA_PRICES, with one of {', '.join(providers)}.",
            )
        found[provider, model] = price
    return found


def catalogue(own: Path | None = None, ollama_model: str = "") -> Catalogue:
    """What ships, with a file of the installation's own over it, and with its own local model in place of the one that
    ships. Raises `ConfigurationError`."""
    found = shipped()
    if own is not None:
        try:
            text = own.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"The models file {own} cannot be read: {error}",
                remedy="Correct VAPORA_MODELS_FILE, or the file's rights.",
            ) from None
        found = _over(found, _catalogue(_listings(text, str(own)), known=found, source=str(own)))
    return _with_local(found, ollama_model) if ollama_model else found


def _listings(text: str, source: str) -> dict[Provider, Listing]:
    try:
        return TypeAdapter(dict[Provider, Listing]).validate_python(tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        raise _wrong(source, f"it is no TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        raise _wrong(source, f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def _catalogue(listings: dict[Provider, Listing], known: Catalogue | None = None, source: str = "") -> Catalogue:
    named = {one.provider: one for one in known.endpoints} if known else {}
    first = len(named)
    endpoints: list[Endpoint] = []
    models: list[ModelSpec] = []
    prices: dict[tuple[Provider, str], Rates] = {}
    embeddings: dict[tuple[str, str], Embedding] = {}
    for place, (provider, listing) in enumerate(listings.items()):
        if provider in named:
            if listing.model_dump(exclude=_MODELS) != Listing().model_dump(exclude=_MODELS):
                raise _wrong(source, f"{provider}: it ships with VAPORA; only its models can be named here")
            endpoint, rank = named[provider], -list(named).index(provider)
        else:
            endpoint, rank = _endpoint(provider, listing, source), -(first + place)
            if endpoint.dialect not in DIALECTS:
                raise _wrong(source, f"{provider}: dialect must be one of {', '.join(DIALECTS)}")
            endpoints.append(endpoint)
        for model in listing.models:
            spec = _spec(endpoint, model, rank)
            models.append(spec)
            if endpoint.free:
                prices[spec.key] = Prices(input=Decimal(0), output=Decimal(0)).rates()
            if model.prices is not None:
                prices[spec.key] = model.prices.rates()
        for one in listing.embeddings:
            embeddings[provider, one.model] = one
            if one.input is not None:
                prices[provider, one.model] = Prices(input=one.input, output=Decimal(0)).rates()
    return Catalogue(tuple(endpoints), tuple(models), prices, embeddings)


def _endpoint(provider: Provider, listing: Listing, source: str) -> Endpoint:
    if not (listing.url or listing.address or source == ""):
        raise _wrong(source, f"{provider}: url is missing, the address of the endpoint")
    switch = listing.configured_by or listing.key or listing.address or ""
    return Endpoint(
        provider, listing.dialect, switch, listing.key or "", listing.address or "", listing.url, listing.free
    )


def _spec(endpoint: Endpoint, model: Model, rank: int) -> ModelSpec:
    return ModelSpec(
        endpoint.provider,
        model.model,
        model.size,
        _QUALITY[model.size] if model.quality is None else model.quality,
        model.context_tokens,
        model.output_tokens,
        tools=model.tools,
        free=endpoint.free,
        rank=rank,
        # Only a local server can be asked what its model sees.
        vision=False if model.vision is None and endpoint.dialect != "ollama" else model.vision,
        image_tokens=model.image_tokens or (_LOCAL_IMAGE_TOKENS if endpoint.dialect == "ollama" else 0),
    )


def _over(below: Catalogue, above: Catalogue) -> Catalogue:
    replaced = {spec.key: spec for spec in above.models}
    kept = tuple(replaced.pop(spec.key, spec) for spec in below.models)
    prices = {**below.prices, **above.prices}
    embeddings = {**below.embeddings, **above.embeddings}
    return Catalogue((*below.endpoints, *above.endpoints), (*kept, *replaced.values()), prices, embeddings)


def _with_local(found: Catalogue, model: str) -> Catalogue:
    """In place of the one that ships. What it can do is known only where the catalogue says so."""
    shipped_as = next(spec for spec in found.models if spec.provider == Provider.OLLAMA)
    if any(spec.key == (Provider.OLLAMA, model) for spec in found.models):
        kept = tuple(spec for spec in found.models if spec.model == model or spec is not shipped_as)
        return replace(found, models=kept)
    family = model.partition(":")[0] == shipped_as.model
    tools, vision = (shipped_as.tools, shipped_as.vision) if family else (None, None)
    own = replace(shipped_as, model=model, tools=tools, vision=vision)
    models = tuple(own if spec is shipped_as else spec for spec in found.models)
    return replace(found, models=models, prices={**found.prices, own.key: found.prices[shipped_as.key]})


def _wrong(source: str, why: Any) -> ConfigurationError:
    return ConfigurationError(
        f"The models file {source} cannot be used: {why}.", remedy="Correct it; docs/recipes.md shows its form."
    )
