"""What holds for every vault, whichever keeps the values."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from tests.vault.bench import Bench, secret, value_of
from vapora.errors import NotFoundError
from vapora.vault import Vault
from vapora.vault.base import KEPT_VERSIONS


def test_a_vault_that_nobody_used_has_nothing_and_is_well(bench: Bench) -> None:
    vault = bench.open()
    vault.check()
    assert vault.get("acme", "openai-api-key") is None
    assert vault.list("acme") == ()


def test_what_is_put_is_got_in_another_process_too(bench: Bench) -> None:
    put = bench.open().put("acme", "openai-api-key", secret("sk-ü 1"))
    found = bench.open().get("acme", "openai-api-key")
    assert found is not None
    assert found[0].get_secret_value() == "sk-ü 1"
    assert found[1] == put
    assert (put.name, put.version) == ("openai-api-key", 1)
    assert put.updated_at.tzinfo is not None


def test_a_second_value_is_a_second_version(bench: Bench) -> None:
    vault, other = bench.open(), bench.open()
    vault.put("acme", "git-example.com", secret("one"))
    assert other.put("acme", "git-example.com", secret("two")).version == 2
    assert value_of(vault, "acme", "git-example.com") == "two"
    assert [(one.name, one.version) for one in vault.list("acme")] == [("git-example.com", 2)]


def test_a_workspace_sees_its_own_alone(bench: Bench) -> None:
    vault = bench.open()
    vault.put("acme", "key", secret("ours"))
    vault.put("acme-2", "key", secret("theirs"))
    assert (value_of(vault, "acme", "key"), value_of(vault, "acme-2", "key")) == ("ours", "theirs")
    vault.delete("acme", "key")
    assert value_of(vault, "acme", "key") is None
    assert value_of(vault, "acme-2", "key") == "theirs"


def test_the_list_is_by_name_with_the_newest_versions(bench: Bench) -> None:
    vault = bench.open()
    for name in ("b", "a", "b"):
        vault.put("acme", name, secret(name))
    assert [(one.name, one.version) for one in vault.list("acme")] == [("a", 1), ("b", 2)]


def test_what_is_deleted_is_gone_and_its_numbers_go_on(bench: Bench) -> None:
    vault = bench.open()
    for text in ("one", "two"):
        vault.put("acme", "key", secret(text))
    assert vault.delete("acme", "key").version == 2
    assert vault.get("acme", "key") is None
    assert vault.list("acme") == ()
    # Else whoever remembers version 1 would take another value for the one it has.
    assert vault.put("acme", "key", secret("three")).version == 3
    assert value_of(vault, "acme", "key") == "three"


def test_what_is_not_there_cannot_be_deleted(bench: Bench) -> None:
    vault = bench.open()
    with pytest.raises(NotFoundError, match="no secret 'key'"):
        vault.delete("acme", "key")
    vault.put("acme", "key", secret("one"))
    vault.delete("acme", "key")
    with pytest.raises(NotFoundError):
        vault.delete("acme", "key")


def test_a_rotation_changes_no_value_and_no_version(bench: Bench) -> None:
    vault = bench.open()
    for name in ("a", "b"):
        vault.put("acme", name, secret(f"value of {name}"))
    before = vault.list("acme")
    first, second = vault.rotate("acme"), vault.rotate("acme")
    assert first.key != second.key
    assert second.secrets == 2
    assert vault.list("acme") == before
    for fresh in (vault, bench.open()):
        assert value_of(fresh, "acme", "a") == "value of a"
    assert vault.put("acme", "a", secret("new")).version == 2


def test_no_secret_shows_in_what_a_vault_says_of_itself(bench: Bench) -> None:
    vault = bench.open()
    vault.put("acme", "key", secret("not-to-be-seen"))
    assert "not-to-be-seen" not in repr((vault, vault.get("acme", "key"), vault.list("acme")))


def test_a_rotation_under_load_loses_nothing(bench: Bench) -> None:
    """Two readers and two writers go on while keys are rotated."""
    names = [f"key-{number}" for number in range(4)]
    setup = bench.open()
    for name in names:
        setup.put("acme", name, secret(f"{name}/1"))
    over, wrong, done = threading.Event(), list[object](), Counter[str]()

    def read() -> None:
        vault = bench.open()
        while not over.is_set():
            for name in names:
                found = vault.get("acme", name)
                if found is None or found[0].get_secret_value() != f"{name}/{found[1].version}":
                    wrong.append(found)
                done["read"] += 1

    def write(name: str) -> None:
        vault, version = bench.open(), 1
        while not over.is_set():
            version += 1
            if vault.put("acme", name, secret(f"{name}/{version}")).version != version:
                wrong.append((name, version))
            done["write"] += 1

    def caught(work: object, *args: str) -> None:
        try:
            work(*args)  # type: ignore[operator]
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=caught, args=(read,)) for _ in range(2)]
    threads += [threading.Thread(target=caught, args=(write, name)) for name in names[:2]]
    for thread in threads:
        thread.start()
    for _ in range(5):
        setup.rotate("acme")
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert done["read"] and done["write"]
    for one in setup.list("acme"):
        assert value_of(setup, "acme", one.name) == f"{one.name}/{one.version}"


def test_several_that_store_the_very_first_secret_at_once_all_succeed(bench: Bench) -> None:
    gate, wrong = threading.Barrier(4), list[Exception]()
    vaults = [bench.open() for _ in range(4)]

    def store(vault: Vault) -> None:
        gate.wait()
        try:
            vault.put("acme", "key", secret("one"))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=store, args=(vault,)) for vault in vaults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert {value_of(vault, "acme", "key") for vault in vaults} == {"one"}
    assert [one.version for one in vaults[0].list("acme")] == [4]


def test_old_versions_are_bounded(bench: Bench) -> None:
    vault = bench.open()
    for number in range(KEPT_VERSIONS + 3):
        stored = vault.put("acme", "key", secret(f"value {number}"))
    assert stored.version == KEPT_VERSIONS + 3
    assert value_of(vault, "acme", "key") == f"value {KEPT_VERSIONS + 2}"
    assert vault.delete("acme", "key").version == stored.version
