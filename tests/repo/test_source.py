from __future__ import annotations

from pathlib import Path

import pytest

from vapora.errors import NotARepositoryError, SourceRefusedError
from vapora.repo.source import Source, parse_source


@pytest.mark.parametrize(
    "text",
    [
        "",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c 'touch /tmp/x'",
        "http://example.com/a.git",
        "git://example.com/a.git",
        "https://user:secret@example.com/a.git",
        "https:///a.git",
        "ssh://-oProxyCommand=x/a.git",
        "https://example.com:port/a",
        "file://host/a",
        "a\nb",
        "/",
        "file:///etc",
    ],
)
def test_what_could_run_a_command_or_show_a_secret_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SourceRefusedError) as refused:
        parse_source(text, [tmp_path])
    assert "secret" not in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/a.git",
        "https://user@example.com/a.git",
        "ssh://git@example.com:22/a.git",
        "git@example.com:a/b",
    ],
)
def test_https_and_ssh_are_taken_as_they_are(text: str) -> None:
    assert parse_source(f" {text} ", []) == Source("url", text)


def test_a_path_is_one_inside_a_root_after_all_symlinks(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "project").mkdir(parents=True)
    outside.mkdir()
    (root / "link").symlink_to(outside)
    assert parse_source(str(root / "project"), [root]).path == root / "project"
    assert parse_source((root / "project").as_uri(), [root]) == Source("url", (root / "project").as_uri())
    for way in (root / "link", root / ".." / "outside", (root / "link").as_uri()):
        with pytest.raises(SourceRefusedError):
            parse_source(str(way), [root])


def test_no_such_path_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("missing", "file"):
        with pytest.raises(NotARepositoryError):
            parse_source(str(tmp_path / name), [tmp_path])
