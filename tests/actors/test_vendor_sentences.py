from __future__ import annotations

from actors.llm_router.vendor_sentences import VendorSentences, shortened
from tests.actors.kit import MovableClock
from vapora.llm.catalogue import shipped

OPUS, SONNET, HAIKU, SOL = shipped().models[-3:] + shipped().models[4:5]


def test_the_newest_sentences_are_told_with_their_models_until_these_answer() -> None:
    said = VendorSentences(MovableClock())
    for spec in (OPUS, SONNET, HAIKU, SOL):
        said.failed("acme", spec, "Tired.")
    said.failed("acme", SONNET, "Still tired")
    assert said.told("acme") == "claude-haiku-5-5: Tired. gpt-6.1-sol: Tired. claude-sonnet-5-5: Still tired."
    said.answered(SONNET)
    assert "sonnet" not in said.told("acme")


def test_a_workspace_does_not_read_what_was_said_to_another() -> None:
    said = VendorSentences(MovableClock())
    said.failed("acme", SONNET, "The prompt “launch codes” is refused.")
    assert said.told("other") == ""


def test_what_is_old_is_not_told() -> None:
    clock = MovableClock()
    said = VendorSentences(clock)
    said.failed("acme", SONNET, "Tired.")
    clock.move(599)
    assert said.told("acme")
    clock.move(2)
    assert said.told("acme") == ""


def test_a_long_text_is_cut() -> None:
    assert shortened("short") == "short"
    assert len(shortened("long " * 1_000)) == 1_000
