"""A remote over https that wants a login, through git itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repo.https_site import GitServer, git_server
from tests.repo.site import VAPORA, TheirRepository, environ, step
from vapora.errors import CredentialsNeededError
from vapora.repo.examining import examine
from vapora.repo.logins import Login, Remote, for_remote, parse
from vapora.repo.owner import Repository
from vapora.repo.source import parse_source

TOKEN = "ghp-canary-5d2f80aa"


@pytest.fixture
def server(tmp_path: Path, theirs: TheirRepository) -> Iterator[GitServer]:
    root = tmp_path / "served"
    theirs.git("clone", "--quiet", "--bare", ".", str(root / "a.git"))
    theirs.git("-C", str(root / "a.git"), "config", "http.receivepack", "true")
    with git_server(tmp_path, root, f"them:{TOKEN}") as found:
        yield found


def test_with_a_login_it_is_looked_at_cloned_fetched_and_pushed_to(
    server: GitServer, theirs: TheirRepository, tmp_path: Path
) -> None:
    asked: list[Remote] = []

    def logins(remote: Remote) -> Login:
        asked.append(remote)
        return Login("them", TOKEN)

    source = parse_source(server.url("a.git"), [])
    variables = environ(GIT_SSL_CAINFO=str(server.certificate))
    assert examine(source, variables, logins=logins).base_branch == "main"
    ours = Repository(tmp_path / "data", source, variables, VAPORA, logins=logins)
    tree = ours.start("task-1")
    (tree.path / "a").write_text("x")
    ours.commit("task-1", step())
    landing = ours.land("task-1", step())
    assert theirs.git("-C", str(tmp_path / "served" / "a.git"), "rev-parse", "main") == landing.oid
    ours.close()
    assert set(asked) == {Remote("https", "localhost", server.port)}
    assert set(server.logins) == {"", f"them:{TOKEN}"}
    left = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert left == []


def test_a_login_that_is_refused_is_told_without_it(server: GitServer) -> None:
    source = parse_source(server.url("a.git"), [])
    variables = environ(GIT_SSL_CAINFO=str(server.certificate))
    with pytest.raises(CredentialsNeededError) as refused:
        examine(source, variables, logins=lambda remote: Login("them", "s3cret-and-wrong"))
    assert "s3cret" not in f"{refused.value} {refused.value.details}"
    assert "git-<host>" in refused.value.remedy


def test_the_persons_own_helper_is_neither_asked_nor_told(server: GitServer, tmp_path: Path) -> None:
    """Else a workspace's login would end up in the store of whoever runs VAPORA."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[credential]\n helper = "!f() {{ echo $1 >> {home}/asked; cat; }}; f"\n')
    variables = environ(GIT_SSL_CAINFO=str(server.certificate)) | {"HOME": str(home)}
    source = parse_source(server.url("a.git"), [])
    examine(source, variables, logins=lambda remote: Login("them", TOKEN))
    assert not (home / "asked").exists()
    with pytest.raises(CredentialsNeededError):
        examine(source, variables)
    assert (home / "asked").exists()


@pytest.mark.parametrize(
    ("where", "scope", "user"),
    [
        ("https://example.com/a.git", "credential.https://example.com", "x-access-token"),
        ("https://me@example.com:8443/a.git", "credential.https://example.com:8443", "me"),
        ("https://[::1]:8443/a.git", "credential.https://[::1]:8443", "x-access-token"),
    ],
)
def test_it_is_given_to_the_one_host_by_the_environment_alone(where: str, scope: str, user: str) -> None:
    with for_remote(where, lambda remote: parse(f"{TOKEN}\n", "git-example.com")) as (options, variables):
        assert options[1] == f"{scope}.helper="
        assert options[3].startswith(f"{scope}.helper=!")
        assert TOKEN not in " ".join(options)
        assert variables == {"VAPORA_GIT_USER": user, "VAPORA_GIT_PASSWORD": TOKEN}


@pytest.mark.parametrize("where", ["/srv/a.git", "/srv/me@host:a.git", "file:///srv/a.git", "http://a/b.git", ""])
def test_where_no_login_can_be_sent_none_is_asked_for(where: str) -> None:
    def never(remote: Remote) -> Login:
        raise AssertionError("asked")

    with for_remote(where, never) as given:
        assert given == ([], {})


def test_a_login_is_user_and_token_or_a_token() -> None:
    assert parse("me:a:b", "x") == Login("me", "a:b")
    assert parse(" token ", "x") == Login("", "token")
    for wrong in ("", "me:", "one\ntwo", "me:one\nhost=elsewhere"):
        with pytest.raises(CredentialsNeededError, match="git-a"):
            parse(wrong, "git-a")
    assert "token" not in repr(Login("me", "token"))
