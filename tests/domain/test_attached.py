"""Which of the files on a card a model is shown."""

from __future__ import annotations

import pytest

from events.content import Attachment, Content
from vapora.domain.attached import is_text, shown_images


def file(name: str, kind: str = "image/png", size: int = 1_000, edge: int = 100) -> Attachment:
    measures = {"width": edge, "height": 1} if kind.startswith("image/") else {}
    return Attachment(name=name, content=Content(digest="a" * 64, size=size), media_type=kind, **measures)


def names(*files: Attachment) -> list[str]:
    return [one.name for one in shown_images(files)]


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/webp"])
def test_what_every_vendor_takes_is_shown(kind: str) -> None:
    assert names(file("a", kind)) == ["a"]


@pytest.mark.parametrize("kind", ["image/gif", "application/pdf", "text/plain", "application/octet-stream"])
def test_everything_else_is_told_by_its_name(kind: str) -> None:
    assert names(file("a", kind)) == []
    assert is_text(file("a", kind)) == (kind == "text/plain")


def test_what_a_vendor_would_refuse_for_its_size_is_not_shown() -> None:
    assert names(file("a", size=3_750_001), file("b", edge=8_001), file("c", size=3_750_000, edge=8_000)) == ["c"]


def test_together_they_stay_below_what_a_request_may_be() -> None:
    large = [file(f"{number}", size=3_500_000) for number in range(5)]
    assert names(*large, file("small")) == ["0", "1", "2", "small"]
