"""A remote over ssh that wants a key, through git and OpenSSH themselves."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repo.site import VAPORA, TheirRepository, environ, step
from tests.repo.ssh_site import SshServer, new_key, ssh_server
from vapora.errors import CredentialsNeededError
from vapora.repo.examining import examine
from vapora.repo.logins import Key, Login, Remote, for_remote, parse_key
from vapora.repo.owner import Repository
from vapora.repo.source import parse_source


@pytest.fixture
def served(tmp_path: Path, theirs: TheirRepository) -> Path:
    bare = tmp_path / "served" / "a.git"
    theirs.git("clone", "--quiet", "--bare", ".", str(bare))
    return bare


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path / "ssh") as found:
        yield found


def test_with_a_key_it_is_looked_at_cloned_fetched_and_pushed_to_and_the_key_is_gone(
    server: SshServer, served: Path, theirs: TheirRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    asked: list[Remote] = []

    def logins(remote: Remote) -> Key:
        asked.append(remote)
        return parse_key(server.private, "git-ssh", server.known)

    source, variables = parse_source(server.url(served), []), environ()
    assert examine(source, variables, logins=logins).base_branch == "main"
    ours = Repository(tmp_path / "data", source, variables, VAPORA, logins=logins)
    tree = ours.start("task-1")
    (tree.path / "a").write_text("x")
    ours.commit("task-1", step())
    landing = ours.land("task-1", step())
    assert theirs.git("-C", str(served), "rev-parse", "main") == landing.oid
    ours.close()
    assert set(asked) == {Remote("ssh", "127.0.0.1", server.port)}
    assert list(temporary.iterdir()) == []
    line = server.private.splitlines()[2].encode()
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file() and line in path.read_bytes()]


def test_without_the_key_or_with_another_one_it_is_refused(server: SshServer, served: Path, tmp_path: Path) -> None:
    source, other = parse_source(server.url(served), []), new_key(tmp_path / "other")[0]
    with pytest.raises(CredentialsNeededError) as refused:
        examine(source, environ(), logins=lambda remote: Key(other, server.known))
    assert "git-ssh-<host>" in refused.value.remedy
    assert other.splitlines()[2] not in f"{refused.value} {refused.value.details}"


@pytest.mark.parametrize("known", ["", "another"])
def test_a_host_that_nobody_vouches_for_is_sent_nothing_and_is_not_learned(
    server: SshServer, served: Path, tmp_path: Path, known: str
) -> None:
    of_person = Path("~/.ssh/known_hosts").expanduser()
    before = of_person.read_bytes() if of_person.exists() else None
    if known:
        kind, text, _ = new_key(tmp_path / "host")[1].split()
        known = f"[127.0.0.1]:{server.port} {kind} {text}"
    with pytest.raises(CredentialsNeededError, match="host is not known") as refused:
        examine(parse_source(server.url(served), []), environ(), logins=lambda remote: Key(server.private, known))
    assert "git-ssh-known-hosts-<host>" in refused.value.remedy
    assert "publickey" not in server.journal.read_text()
    assert (of_person.read_bytes() if of_person.exists() else None) == before


def test_the_key_stands_in_a_file_for_its_owner_alone_and_no_other_key_is_offered(tmp_path: Path) -> None:
    key = new_key(tmp_path / "key")[0]
    with for_remote("me@example.com:a.git", lambda remote: Key(key, "example.com ssh-ed25519 AAAA")) as given:
        command = shlex.split(given[1]["GIT_SSH_COMMAND"])
        file = Path(command[command.index("-i") + 1])
        assert file.read_text() == key
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert {"IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=yes"} < set(command)
        assert command[command.index("-F") + 1] == "/dev/null"
        assert key not in " ".join(command)
    assert not file.parent.exists()


@pytest.mark.parametrize(
    ("where", "remote"),
    [
        ("ssh://git@example.com/a.git", Remote("ssh", "example.com")),
        ("ssh://git@example.com:2222/a.git", Remote("ssh", "example.com", 2222)),
        ("git@Example.com:a/b.git", Remote("ssh", "example.com")),
        ("example.com:a.git", Remote("ssh", "example.com")),
    ],
)
def test_each_form_of_an_address_names_its_host(where: str, remote: Remote) -> None:
    asked: list[Remote] = []

    def logins(one: Remote) -> Login | None:
        asked.append(one)
        return None

    with for_remote(where, logins) as given:
        assert given == ([], {})
    assert asked == [remote]


def test_what_is_no_key_and_a_key_with_a_passphrase_are_refused_by_the_secrets_name(tmp_path: Path) -> None:
    private, public = new_key(tmp_path / "key")
    # As a browser or a page may hand it over.
    assert parse_key(private.replace("\n", "\r\n").strip(), "x").private == private
    assert private.splitlines()[2] not in repr(parse_key(private, "x"))
    for wrong in ("", "token", public, private.replace("PRIVATE", "PUBLIC"), private[: len(private) // 2]):
        with pytest.raises(CredentialsNeededError, match="git-ssh-a"):
            parse_key(wrong, "git-ssh-a")
    protected = new_key(tmp_path / "protected", passphrase="passphrase")[0]
    with pytest.raises(CredentialsNeededError, match=re.escape("'git-ssh-a' is a key with a passphrase")):
        parse_key(protected, "git-ssh-a")
