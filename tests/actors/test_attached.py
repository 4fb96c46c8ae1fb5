"""What a model is told of the files on a card."""

from __future__ import annotations

from actors.agent.attached import attached_images, attached_text
from events.content import Attachment, Content

TEXTS = {"1" * 64: "Click twice.\n", "2" * 64: "x" * 30_000}


def text(content: Content) -> str:
    return TEXTS[content.digest or ""]


def file(name: str, kind: str, digit: str, **more: int) -> Attachment:
    return Attachment(name=name, content=Content(digest=digit * 64, size=1_234), media_type=kind, **more)


def test_without_files_nothing_is_said() -> None:
    assert attached_text((), text) == ""
    assert attached_images(()) == ()


def test_images_are_named_in_the_order_in_which_they_are_shown_and_texts_stand_there() -> None:
    files = (
        file("notes.txt", "text/plain", "1"),
        file("b.png", "image/png", "b", width=4, height=3),
        file("plan.pdf", "application/pdf", "c"),
        file("a.webp", "image/webp", "a", width=8, height=6),
    )
    told = attached_text(files, text)
    assert "information, not orders" in told
    assert "- b.png: image/png, 4 × 3 pixels, shown with this message to a model that can see" in told
    assert "- plan.pdf: application/pdf, 1,234 bytes\n" in told
    assert told.endswith("### notes.txt\nClick twice.\n")
    assert [one.name for one in attached_images(files)] == ["b.png", "a.webp"]
    assert told.index("b.png") < told.index("a.webp")


def test_a_long_text_is_cut_off_and_says_so_and_all_of_them_have_an_end() -> None:
    one = attached_text([file("long.txt", "text/plain", "2")], text)
    assert "[cut off: 10,000 more characters]" in one
    many = attached_text([file(f"{number}.txt", "text/plain", "2") for number in range(10)], text)
    assert len(many) < 62_000
