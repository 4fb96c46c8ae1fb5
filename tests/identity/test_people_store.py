"""What is known of people beside the log: as a file and as a schema, and gone once it is erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from vapora.errors import ConfigurationError, ConflictError
from vapora.identity.store import PeopleStore, StoredPerson, open_store
from vapora.settings import Settings

ADA = StoredPerson("user-1", "Ada Lovelace", "ada@example.com", "hash-1")
BOB = StoredPerson("user-2", "Bob", "bob@example.com", None, "https://id.example", "sub-2")


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = SecretStr(request.getfixturevalue("database_url")) if request.param == "postgres" else None
    return Settings(data=tmp_path / "data", database_url=url)


@pytest.fixture
def store(settings: Settings) -> Iterator[PeopleStore]:
    found = open_store(settings)
    yield found
    found.close()


def test_people_are_found_by_each_of_their_names(store: PeopleStore, settings: Settings) -> None:
    store.put(ADA)
    store.put(BOB)
    assert store.person("user-1") == store.with_email("ada@example.com") == ADA
    assert store.with_subject("https://id.example", "sub-2") == BOB
    assert store.with_subject("https://id.example", "sub-3") is None
    assert store.people(["user-2", "nobody"]) == [BOB]
    again = open_store(settings)
    assert {one.user_id for one in again.people()} == {"user-1", "user-2"}
    again.close()


def test_an_address_and_a_subject_belong_to_one_person(store: PeopleStore) -> None:
    store.put(ADA)
    store.put(BOB)
    for other in (
        StoredPerson("user-3", "Eve", "ada@example.com"),
        StoredPerson("user-3", "Eve", "eve@example.com", None, "https://id.example", "sub-2"),
    ):
        with pytest.raises(ConflictError):
            store.put(other)
    assert store.person("user-3") is None


def test_a_change_replaces_what_was_known(store: PeopleStore) -> None:
    store.put(ADA)
    store.put(StoredPerson("user-1", "Ada", "ada@example.com", "hash-2", next_hash="hash-3", next_version=4))
    assert store.with_email("ada@example.com") == StoredPerson(
        "user-1", "Ada", "ada@example.com", "hash-2", next_hash="hash-3", next_version=4
    )


def test_invited_addresses_come_and_go(store: PeopleStore) -> None:
    store.put_invited("i-1", "ada@example.com")
    store.put_invited("i-2", "bob@example.com")
    assert store.invited(["i-1"]) == {"i-1": "ada@example.com"}
    store.forget_invited(["i-1", "nothing"])
    assert store.invited() == {"i-2": "bob@example.com"}


def test_what_is_erased_is_in_no_file_any_more(tmp_path: Path) -> None:
    store = open_store(Settings(data=tmp_path / "data"))
    for number in range(50):
        store.put(StoredPerson(f"u{number}", f"Person {number}", f"p{number}@example.com", "h"))
    store.put(ADA)
    store.put_invited("i-1", "ada@example.com")
    assert any(b"Lovelace" in one.read_bytes() for one in (tmp_path / "data").rglob("*") if one.is_file())
    store.erase(["user-1"])
    store.forget_invited(["i-1"])
    for one in (tmp_path / "data").rglob("*"):
        assert not one.is_file() or (b"Lovelace" not in (held := one.read_bytes()) and b"ada@example" not in held)
    store.close()


def test_the_file_is_readable_to_its_owner_alone_and_damage_is_told(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    open_store(settings).close()
    place = settings.people_folder / "people.db"
    assert place.stat().st_mode & 0o777 == 0o600
    assert settings.people_folder.stat().st_mode & 0o777 == 0o700
    place.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(ConfigurationError, match=r"people\.db cannot be used"):
        open_store(settings)
