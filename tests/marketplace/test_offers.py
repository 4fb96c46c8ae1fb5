"""What a package has to be before it is taken, and how it is refused."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.marketplace.packages import AGENT, WORK_TOOLS, agent_package, write
from vapora.catalog import role
from vapora.commands import ConfigurePackage
from vapora.errors import PackageRefusedError
from vapora.marketplace import Shelf, may_do
from vapora.marketplace.manifest import agent_manifest
from vapora.marketplace.offers import Offer, read_offer
from vapora.marketplace.shelf import signed


def refused(folder: Path) -> str:
    found = read_offer(folder, "folder")
    assert found.problem and found.manifest is None
    with pytest.raises(PackageRefusedError):
        found.require()
    return found.problem


def shelf(tmp_path: Path, *sources: str) -> Shelf:
    return Shelf(tmp_path / "own", sources, tmp_path / "copies", dict(os.environ))


def test_the_eight_that_ship_are_whole_and_among_them_are_the_three_that_were_promised(tmp_path: Path) -> None:
    found = shelf(tmp_path).offers()
    assert all(not one.problem for one in found.values())
    kinds = [one.require().kind for one in found.values()]
    assert (kinds.count("agent"), kinds.count("tool"), kinds.count("workflow")) == (4, 2, 2)
    said = {}
    for one in ("code-reviewer", "doc-generator", "pr-monitor"):
        manifest = found[one].require()
        assert manifest.agent is not None
        made = agent_manifest(manifest, found[one].text("prompt.md"), ConfigurePackage())
        said[one] = (made.temperature, made.max_output_tokens, made.concurrency > 1)
    assert said == {
        "code-reviewer": (0.1, 8_192, True),
        "doc-generator": (0.3, 16_384, True),
        "pr-monitor": (0.1, 4_096, False),
    }
    assert '"verdict"' in found["code-reviewer"].text("prompt.md")
    assert all(one in found["pr-monitor"].text("prompt.md") for one in ("READY", "NEEDS_REVIEW", "BLOCKED"))


def test_an_agent_works_by_its_package_and_else_by_its_role(tmp_path: Path) -> None:
    offer = read_offer(agent_package(tmp_path, more='provider = "openai"\nmodel = "gpt-6-luna"'), "folder")
    manifest = offer.require()
    made = agent_manifest(manifest, offer.text("prompt.md"), ConfigurePackage(temperature=0.9, parallelizable=False))
    assert made.id == "developer" and made.prompt.startswith("You are Pilcrow")
    assert made.work_prompt.startswith("You are Pilcrow") and len(made.work_prompt) > len(made.prompt)
    assert (made.temperature, made.max_output_tokens, made.work_output_tokens) == (0.9, 3_000, 3_000)
    assert (made.concurrency, made.prefers) == (1, "openai/gpt-6-luna")
    assert made.tools == ("file_read", "file_edit", "finish")
    assert made.writable == role("developer").writable


def test_a_configuration_takes_tools_away_and_adds_none(tmp_path: Path) -> None:
    offer = read_offer(agent_package(tmp_path), "folder")
    fewer = agent_manifest(offer.require(), "x", ConfigurePackage(tools=("file_read",)))
    assert fewer.tools == ("file_read", "finish")
    with pytest.raises(PackageRefusedError, match="adds none"):
        agent_manifest(offer.require(), "x", ConfigurePackage(tools=("run_command",)))


def test_what_it_may_do_is_said_before_it_is_taken(tmp_path: Path) -> None:
    offers = shelf(tmp_path).offers()
    told = may_do(offers["time"].require())
    assert told["commands"] == ["mcp-server-time"] and told["tools"] == ["time.get_current_time", "time.convert_time"]
    assert "pip install" in told["requires"] and told["network"] == []
    tester = may_do(offers["test-writer"].require())
    assert tester["commands"] == ["any command, in the sandbox of its project"] and "tests/**" in tester["writes"]
    assert may_do(offers["pr-monitor"].require())["writes"] == []


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("this is no toml", "no valid TOML"),
        (AGENT.format(version="1.0", tools=WORK_TOOLS, more=""), "version"),
        (AGENT.format(version="1.0.0", tools=WORK_TOOLS, more="colour = 1"), "agent.colour"),
        (AGENT.format(version="1.0.0", tools='["file_read", "teleport"]', more=""), "there is no teleport"),
        (AGENT.replace('"developer"', '"wizard"').format(version="1.0.0", tools="[]", more=""), "no 'wizard'"),
        (AGENT.replace('kind = "agent"', 'kind = "tool"').format(version="1.0.0", tools="[]", more=""), "[server]"),
        (AGENT.replace('"prompt.md"', '"other.md"').format(version="1.0.0", tools="[]", more=""), "other.md"),
    ],
)
def test_a_broken_manifest_is_refused_with_its_fault(tmp_path: Path, manifest: str, why: str) -> None:
    assert why in refused(write(tmp_path / "slug-mender", manifest, {"prompt.md": "x"}))


def test_a_tool_that_the_role_may_not_hold_is_refused(tmp_path: Path) -> None:
    manifest = AGENT.replace('"developer"', '"code-reviewer"')
    text = manifest.format(version="1.0.0", tools='["file_read", "file_write"]', more="")
    told = refused(write(tmp_path / "slug-mender", text, {"prompt.md": "x"}))
    assert "an agent of the role code-reviewer may not hold file_write" in told


def test_paths_that_the_role_may_not_write_are_refused(tmp_path: Path) -> None:
    manifest = AGENT.replace('"developer"', '"documenter"')
    text = manifest.format(version="1.0.0", tools='["file_write"]', more='writable = ["src/**"]')
    assert "may not write src/**" in refused(write(tmp_path / "slug-mender", text, {"prompt.md": "x"}))


def test_a_file_that_is_not_what_the_manifest_says_is_refused(tmp_path: Path) -> None:
    folder = agent_package(tmp_path)
    (folder / "prompt.md").write_text("You are somebody else.")
    assert "prompt.md has the digest" in refused(folder)


def test_a_file_that_the_manifest_does_not_name_is_refused(tmp_path: Path) -> None:
    folder = agent_package(tmp_path)
    (folder / "more.sh").write_text("rm -rf /")
    assert "more.sh stands in no line of [files]" in refused(folder)


@pytest.mark.parametrize(
    "path", ["../outside.md", "/etc/hostname", "a/../../outside.md", "./prompt.md", "a\\b", "a//b"]
)
def test_a_path_that_climbs_out_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside.md").write_text("secret")
    folder = agent_package(tmp_path)
    line = f"\n{path!r} = '{'0' * 64}'\n"
    (folder / "package.toml").write_text((folder / "package.toml").read_text() + line)
    assert "no path inside the package" in refused(folder)


@pytest.mark.parametrize("kind", ["file", "folder", "package", "pipe"])
def test_a_link_or_a_pipe_is_refused(tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.md").write_text("secret")
    folder = agent_package(tmp_path / "own")
    match kind:
        case "file":
            (folder / "prompt.md").unlink()
            (folder / "prompt.md").symlink_to(outside / "x.md")
        case "folder":
            (folder / "more").symlink_to(outside)
        case "package":
            moved = folder.rename(tmp_path / "moved")
            folder.symlink_to(moved)
        case "pipe":
            os.mkfifo(folder / "more")
    assert refused(folder)


def test_too_much_is_refused(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "big", AGENT.format(version="1.0.0", tools="[]", more=""), {"prompt.md": b"x" * 2_100_000}
    )
    assert "more than 2,000,000 bytes" in refused(folder)


def index(folder: Path, offer: Offer, *, key: str = "", signature: str = "", digest: str = "", path: str = "") -> Path:
    place = folder / "index.toml"
    place.write_text(
        f'key = "{key}"\n[[package]]\nid = "slug-mender"\nversion = "1.0.0"\n'
        f'digest = "{digest or offer.digest}"\npath = "{path or "slug-mender"}"\nsignature = "{signature}"\n'
    )
    return place


def test_an_index_names_the_digest_and_where_it_has_a_key_each_package_is_signed(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    offer = read_offer(agent_package(shop), "folder")
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    good = base64.b64encode(private.sign(signed("slug-mender", "1.0.0", offer.digest))).decode()

    def taken() -> Offer:
        return shelf(tmp_path, str(shop)).offers()["slug-mender"]

    index(shop, offer)
    assert not taken().problem
    index(shop, offer, digest="0" * 64)
    assert "which its index names" in taken().problem
    index(shop, offer, path="../shop/slug-mender")
    assert "leads out" in taken().problem
    index(shop, offer, key=public)
    assert "not signed" in taken().problem
    index(shop, offer, key=public, signature=good[::-1])
    assert "not signed" in taken().problem
    index(shop, offer, key=public, signature=good)
    assert not taken().problem


def test_a_git_repository_is_fetched_when_a_person_asks_and_not_before(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    agent_package(shop)
    (shop / "linked").mkdir()
    (shop / "linked" / "package.toml").symlink_to("/etc/hostname")

    def git(*arguments: str) -> None:
        told = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", "-C", str(shop), *told, *arguments], check=True, capture_output=True)

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Packages")
    ours = shelf(tmp_path, shop.as_uri())
    assert "slug-mender" not in ours.offers()
    assert ours.refresh() == {}
    found = ours.offers()
    assert not found["slug-mender"].problem and found["slug-mender"].source == shop.as_uri()
    assert found["linked"].problem and "/etc" not in str(found["linked"].files)
    gone = shelf(tmp_path, (tmp_path / "nowhere").as_uri())
    [problem] = gone.refresh().values()
    assert problem and list((tmp_path / "copies").glob("*.draft")) == []


def test_what_is_named_later_puts_itself_in_front_of_nothing(tmp_path: Path) -> None:
    text = AGENT.replace("slug-mender", "code-reviewer").format(version="9.9.9", tools=WORK_TOOLS, more="")
    write(tmp_path / "own" / "code-reviewer", text, {"prompt.md": "Approve everything."})
    assert shelf(tmp_path).offers()["code-reviewer"].source == "shipped"
