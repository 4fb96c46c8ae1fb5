"""Repositories that are not the usual one, and what a killed owner leaves."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.repo.https_site import certificate
from tests.repo.site import VAPORA, TheirRepository, environ, opened, step
from vapora.errors import CredentialsNeededError, GitFailedError, MissingObjectsError, RepositoryBusyError
from vapora.repo.bare import Bare
from vapora.repo.git import Git
from vapora.repo.owner import Repository
from vapora.repo.source import Source, parse_source

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"


def test_files_of_lfs_stay_pointers_and_need_no_lfs(theirs: TheirRepository, tmp_path: Path) -> None:
    theirs.commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "big.bin": POINTER})
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    # As `git lfs install` leaves it, on a machine where git-lfs then went missing.
    for what in ("smudge", "clean"):
        ours.bare.run("config", f"filter.lfs.{what}", f"git-lfs-is-not-here {what} %f")
    ours.bare.run("config", "filter.lfs.required", "true")
    tree = ours.start("task-1")
    assert (tree.path / "big.bin").read_text() == POINTER
    assert ours.changed_paths("task-1") == []
    (tree.path / "new.txt").write_text("x\n")
    ours.commit("task-1", step())
    assert [one.path for one in ours.changes("task-1").files] == ["new.txt"]
    ours.land("task-1", step())
    ours.close()


def test_a_submodule_is_an_empty_folder_and_stays_what_it_was(theirs: TheirRepository, tmp_path: Path) -> None:
    commit = theirs.head()
    theirs.git("update-index", "--add", "--cacheinfo", f"160000,{commit},lib")
    theirs.git("commit", "--quiet", "-m", "Use lib")
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    tree = ours.start("task-1")
    assert list((tree.path / "lib").iterdir()) == []
    (tree.path / "a").write_text("x")
    ours.commit("task-1", step())
    assert [one.path for one in ours.changes("task-1").files] == ["a"]
    ours.remove("task-1")
    ours.close()


def test_a_partial_clone_says_what_is_missing(theirs: TheirRepository, tmp_path: Path) -> None:
    theirs.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    theirs.git("clone", "--quiet", "--no-checkout", "--filter=blob:none", theirs.path.as_uri(), str(partial))
    (theirs.path / ".git").rename(tmp_path / "away")  # as without a network
    with pytest.raises((MissingObjectsError, GitFailedError)) as missing:
        ours = opened(tmp_path / "data", partial, tmp_path)
        try:
            ours.start("task-1")
        finally:
            assert ours.trees.names() == []
            ours.close()
    assert isinstance(missing.value, MissingObjectsError), missing.value
    assert "URL" in missing.value.remedy


def test_a_shallow_clone_works(theirs: TheirRepository, tmp_path: Path) -> None:
    theirs.commit({"src/a.py": "a = 2\n"})
    shallow = tmp_path / "shallow"
    theirs.git("clone", "--quiet", "--depth=1", theirs.path.as_uri(), str(shallow))
    ours = opened(tmp_path / "data", shallow, tmp_path)
    tree = ours.start("task-1")
    (tree.path / "a").write_text("x")
    ours.commit("task-1", step())
    ours.land("task-1", step())
    assert (shallow / "a").exists()
    ours.close()


def test_a_branch_whose_name_has_slashes_and_letters_is_a_base(theirs: TheirRepository, tmp_path: Path) -> None:
    theirs.git("branch", "release/größe-1.x")
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    assert ours.start("task-1", "release/größe-1.x").head == theirs.head()
    ours.close()


# Remotes.


def test_an_ssh_url_is_fetched_and_pushed(theirs: TheirRepository, tmp_path: Path) -> None:
    """Through git's real ssh transport; the ssh itself is a script that runs the command here."""
    theirs.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    fake = tmp_path / "ssh"
    # The last argument is the command for the other side.
    fake.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    fake.chmod(0o755)
    where = f"ssh://git@host.invalid{tmp_path}/bare.git"
    ours = opened(tmp_path / "data", where, tmp_path, GIT_SSH_COMMAND=str(fake))
    tree = ours.start("task-1")
    (tree.path / "a").write_text("x")
    ours.commit("task-1", step())
    landing = ours.land("task-1", step())
    assert theirs.git("-C", str(tmp_path / "bare.git"), "rev-parse", "main") == landing.oid
    ours.close()


def test_an_ssh_key_that_is_not_accepted_is_a_clear_error(tmp_path: Path) -> None:
    fake = tmp_path / "ssh"
    fake.write_text("#!/bin/sh\necho 'git@host.invalid: Permission denied (publickey).' >&2\nexit 255\n")
    fake.chmod(0o755)
    with pytest.raises(CredentialsNeededError, match="key"):
        opened(tmp_path / "data", "git@host.invalid:a/b.git", tmp_path, GIT_SSH_COMMAND=str(fake))
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["lock"]


def test_a_url_that_wants_a_password_fails_at_once(tmp_path: Path) -> None:
    with password_server(tmp_path) as (url, certificate):
        begun = time.monotonic()
        with pytest.raises(CredentialsNeededError) as wanted:
            opened(tmp_path / "data", url, tmp_path, GIT_SSL_CAINFO=str(certificate))
        assert time.monotonic() - begun < 30
        assert "credential helper" in wanted.value.remedy


@contextmanager
def password_server(folder: Path) -> Iterator[tuple[str, Path]]:
    """https, and answers everything with 401."""

    class Refuses(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    made, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}/a.git", made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# After a crash.


def test_what_a_killed_owner_left_half_done_is_cleared_and_done_again(
    ours: Repository, theirs: TheirRepository, tmp_path: Path
) -> None:
    kept, torn, gone = (ours.start(name) for name in ("task-1", "task-2", "task-3"))
    (kept.path / "work").write_text("x")
    ours.close()
    data = tmp_path / "data"
    for lock in ("worktrees/task-1/index.lock", "packed-refs.lock", "refs/heads/vapora/task-1.lock", "config.lock"):
        (data / "repo.git" / lock).touch()
    # git was killed while it made a worktree: its own reason stands in the lock, and files are missing.
    (data / "repo.git/worktrees/task-2/locked").write_text("initializing")
    (torn.path / "README.md").unlink()
    gone.path.rename(tmp_path / "elsewhere")
    (data / "worktrees/stray").mkdir()
    (data / "clone").mkdir()
    again = opened(data, theirs.path, tmp_path)
    assert again.trees.names() == ["task-1"]
    assert (kept.path / "work").exists()
    assert sorted(one.name for one in (data / "worktrees").iterdir()) == ["task-1"]
    for name in ("task-1", "task-2", "task-3"):
        tree = again.start(name)
        (tree.path / "a").write_text("x")
        again.commit(name, step())
    assert (torn.path / "README.md").exists()
    again.close()


def test_a_clone_that_was_cut_off_is_made_again(theirs: TheirRepository, tmp_path: Path) -> None:
    unfinished = tmp_path / "data/clone"
    unfinished.mkdir(parents=True)
    (unfinished / "HEAD").write_text("ref: refs/heads/main\n")
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    assert ours.start("task-1").head == theirs.head()
    assert not unfinished.exists()
    ours.close()


def test_git_processes_of_a_killed_owner_end_before_the_next_one_begins(
    theirs: TheirRepository, tmp_path: Path
) -> None:
    """The lock is theirs too: while one of them lives, nobody else writes."""
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    lock = ours._lock
    assert lock is not None
    orphan = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    ours.close()
    source = parse_source(str(theirs.path), [tmp_path])
    with pytest.raises(RepositoryBusyError):
        Repository(tmp_path / "data", source, environ(), VAPORA, patience_s=0.2)
    threading.Timer(0.3, orphan.kill).start()
    Repository(tmp_path / "data", source, environ(), VAPORA, patience_s=20).close()
    orphan.wait()


# The runner.


def test_git_ends_when_its_time_is_over_with_all_that_it_started(tmp_path: Path) -> None:
    from vapora.errors import GitTimeoutError

    mark = tmp_path / "child"
    git = Git(environ())
    begun = time.monotonic()
    with pytest.raises(GitTimeoutError):
        git.run("-c", f"alias.hang=!sleep 60 & echo $! > {mark}; wait", "hang", timeout_s=1)
    assert time.monotonic() - begun < 20
    _wait_until_gone(int(mark.read_text()))


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline


def test_output_beyond_the_limit_is_cut_and_git_is_ended(tmp_path: Path) -> None:
    done = Git(environ()).run("-c", "alias.talk=!yes", "talk", limit=100_000, timeout_s=60)
    assert (done.truncated, len(done.out)) == (True, 100_000)


def test_no_variable_of_the_server_reaches_git(tmp_path: Path) -> None:
    git = Git(environ(ANTHROPIC_API_KEY="secret", GIT_DIR="/elsewhere", GIT_CONFIG_COUNT="x", HOME=str(tmp_path)))
    for as_person in (True, False):
        told = git.run("-c", "alias.env=!env", "env", as_person=as_person).text
        assert "secret" not in told
        assert "elsewhere" not in told
        assert (f"HOME={tmp_path}" in told) == as_person


def test_a_missing_git_is_a_clear_error() -> None:
    from vapora.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="git is not installed"):
        Git({"PATH": "/nonexistent"})


def test_a_ref_moves_only_from_where_it_was_thought_to_be(ours: Repository) -> None:
    from vapora.errors import TargetMovedError

    tree = ours.start("task-1")
    bare: Bare = ours.bare
    with pytest.raises(TargetMovedError):
        bare.update({"refs/heads/x": (tree.head, tree.head)}, "test")
    with pytest.raises(TargetMovedError):
        bare.update({"refs/heads/y": (tree.head, None), "refs/heads/vapora/task-1": (tree.head, None)}, "test")
    assert "refs/heads/y" not in bare.refs("refs/heads/")
    assert bare.source == Source("path", bare.source.where)
