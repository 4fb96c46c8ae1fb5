from __future__ import annotations

import pytest

from events import DomainEvent
from events.secret import SecretDeleted, SecretRotated, SecretStored, SecretUsed
from projections.secrets import Secrets, secret_of, secrets
from tests.projections.story import Story


def stored(version: int) -> SecretStored:
    return SecretStored(name="key", version=version)


def deleted(version: int) -> SecretDeleted:
    return SecretDeleted(name="key", version=version)


@pytest.mark.parametrize(
    ("events", "version"),
    [
        ((stored(1), stored(2)), 2),
        # Two who store at once are told in either order; the vault's number says which came last.
        ((stored(2), stored(1)), 2),
        ((stored(1), deleted(1)), None),
        ((deleted(1), stored(1)), None),
        ((stored(1), deleted(1), stored(2)), 2),
        ((stored(1), stored(2), deleted(1)), 2),
        ((deleted(2), stored(3)), 3),
    ],
)
def test_the_newest_version_counts_in_whatever_order_it_is_told(
    events: tuple[DomainEvent, ...], version: int | None
) -> None:
    found = secret_of(Story().tell(*events).rows(Secrets()), "key")
    assert (None if found is None else found.version) == version


def test_use_and_rotation_change_nothing_of_what_is_shown() -> None:
    story = Story().tell(stored(1), SecretStored(name="another", version=4))
    before = secrets(story.rows(Secrets()))
    story.tell(SecretUsed(name="key", version=1, purpose="a test"), SecretRotated(key="2", secrets=2))
    assert secrets(story.rows(Secrets())) == before
    assert [one.name for one in before] == ["another", "key"]
