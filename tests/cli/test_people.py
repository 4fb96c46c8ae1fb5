"""Signing in on the command line, and what an owner does about people, against a real server in this process."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from tests.cli.conftest import Said, quick
from tests.ports import free_port
from vapora.cli import app
from vapora.cli.kept import Servers, SessionFile
from vapora.platform import Platform
from vapora.sdk.session import Kept

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
Run = Callable[..., Said]


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with an owner; its address."""
    settings = quick(tmp_path_factory.mktemp("owned") / "data", free_port())
    settings = settings.model_copy(update={"owner_email": EMAIL, "owner_password": SecretStr(PASSWORD)})
    platform = Platform(settings, {})
    try:
        yield platform.start().api.removesuffix("/api/v1")
    finally:
        platform.stop()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "config"


@pytest.fixture
def ada(owned: str, home: Path, tmp_path: Path) -> Run:
    """Commands of somebody on a machine of their own, without the server's data folder."""

    def run(*arguments: str, stdin: str = "", **environ: str) -> Said:
        env = {"COLUMNS": "120", "TERM": "dumb", "VAPORA_URL": owned, "VAPORA_DATA": str(tmp_path / "none")}
        env |= {"XDG_CONFIG_HOME": str(home)} | environ
        result = CliRunner().invoke(app, arguments, env=env, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def signed_in(ada: Run) -> Run:
    said = ada("login", "--email", EMAIL, "--json", stdin=f"{PASSWORD}\n")
    assert said.code == 0, said.err
    return ada


def test_without_signing_in_commands_say_how_to(ada: Run) -> None:
    refused = ada("board")
    assert (refused.code, "vapora login" in refused.err) == (1, True)


def test_who_signs_in_stays_signed_in_and_signs_out(ada: Run, signed_in: Run, owned: str, home: Path) -> None:
    me = ada("whoami", "--json").json
    assert (me["kind"], me["email"], me["url"]) == ("user", EMAIL, owned)
    kept = home / "vapora" / "servers.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert PASSWORD not in kept.read_text()
    assert ada("logout", "--everywhere").code == 0
    assert "refresh_token" not in kept.read_text()
    assert ada("whoami").code == 1


def test_a_wrong_password_is_refused_and_nothing_is_kept(ada: Run, home: Path) -> None:
    refused = ada("login", "--email", "nobody@example.com", stdin="incorrect horse battery\n")
    assert refused.code == 1
    assert "incorrect" not in refused.err + refused.out
    assert not (home / "vapora" / "servers.json").exists()


def test_a_session_is_renewed_by_itself_once_for_all_processes(signed_in: Run, owned: str, home: Path) -> None:
    session = SessionFile(Servers(home / "vapora" / "servers.json"), owned)
    kept = session.read()
    assert kept is not None
    session.write(Kept(kept.access_token, kept.refresh_token, 0.0))
    assert signed_in("whoami").code == 0
    renewed = session.read()
    assert renewed is not None
    assert renewed.refresh_token != kept.refresh_token
    assert renewed.is_good


def test_a_session_that_others_can_read_is_not_used(signed_in: Run, home: Path) -> None:
    (home / "vapora" / "servers.json").chmod(0o644)
    refused = signed_in("whoami")
    assert (refused.code, "chmod 600" in refused.err) == (2, True)


def test_a_password_does_not_travel_unencrypted_over_a_network(ada: Run) -> None:
    refused = ada("login", "--url", "http://vapora.example.com", "--email", EMAIL, stdin=f"{PASSWORD}\n")
    assert (refused.code, "https://" in refused.err) == (1, True)


def test_a_workspace_is_made_used_renamed_archived_and_deleted(signed_in: Run) -> None:
    assert signed_in("workspace", "create", "Acme Ltd", "--id", "acme", "--use", "--json").json["id"] == "acme"
    assert signed_in("whoami", "--json").json["workspace"] == "acme"
    assert signed_in("workspace", "rename", "acme", "Acme").code == 0
    listed = {one["id"]: one for one in signed_in("workspace", "list", "--json").json["items"]}
    assert (listed["acme"]["name"], listed["acme"]["role"]) == ("Acme", "owner")
    assert signed_in("workspace", "use", "nowhere").code == 1
    assert signed_in("workspace", "delete", "acme").code == 2
    assert signed_in("workspace", "archive", "acme").code == 0
    deleted = signed_in("workspace", "delete", "acme", "--yes")
    assert deleted.code == 0, deleted.err
    assert signed_in("whoami", "--json").json["workspace"] == "default"


def test_an_invited_person_is_made_a_viewer_then_a_member_of_a_team(signed_in: Run, owned: str) -> None:
    made = signed_in("members", "invite", "grace@example.com", "--role", "viewer", "--json").json
    assert made["link"] == f"{owned}/accept#{made['token']}"
    assert [one["email"] for one in signed_in("members", "invitations", "--json").json["items"]] == [
        "grace@example.com"
    ]
    accept(owned, made["token"], "Grace")
    assert signed_in("members", "role", "grace@example.com", "member").code == 0
    members = {one["name"]: one["role"] for one in signed_in("members", "--json").json["items"]}
    assert members["Grace"] == "member"
    team = signed_in("teams", "create", "Compilers", "--member", "grace@example.com", "--json").json
    assert len(team["members"]) == 1
    assert "Grace" in signed_in("teams").out
    assert signed_in("teams", "remove", team["id"]).code == 0
    assert signed_in("users", "disable", "grace@example.com").code == 0
    assert signed_in("users", "reset-password", "grace@example.com", stdin="short\n").code == 2
    assert signed_in("users", "reset-password", "grace@example.com", stdin="a long enough one\n").code == 0
    assert signed_in("users", "erase", "grace@example.com", "--yes").code == 0
    assert "grace" not in signed_in("users").out.lower()


def test_a_token_lets_a_program_in_until_it_is_revoked(signed_in: Run, ada: Run) -> None:
    made = signed_in("tokens", "create", "CI", "--scope", "workspace:default:viewer", "--json").json
    me = ada("whoami", "--json", VAPORA_TOKEN=made["token"]).json
    assert (me["kind"], me["name"]) == ("token", "CI")
    assert made["token"] not in signed_in("tokens").out
    assert signed_in("tokens", "revoke", made["id"]).code == 0
    assert ada("whoami", VAPORA_TOKEN=made["token"]).code == 1
    wrong = signed_in("tokens", "create", "CI", "--scope", "everything")
    assert (wrong.code, "scopes" in wrong.err) == (2, True)


def test_policies_are_checked_before_they_are_taken(signed_in: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.cedar", tmp_path / "bad.cedar"
    good.write_text('forbid(principal, action == Action::"merge_task", resource);\n')
    bad.write_text("\nforbid(principal, action == , resource);\n")
    assert signed_in("policy", "check", str(good)).code == 0
    refused = signed_in("policy", "check", str(bad))
    assert (refused.code, "ine 2" in refused.err) == (2, True)
    assert signed_in("policy", "set", str(bad)).code == 1
    assert signed_in("policy", "set", str(good)).code == 0
    assert "merge_task" in signed_in("policy", "show").out
    assert signed_in("auth", "rotate-key").code == 0
    assert signed_in("whoami").code == 0


def accept(url: str, token: str, name: str) -> Any:
    from vapora.sdk import Client

    with Client(url) as client:
        tokens = client.accept_invitation(token, name, "another horse battery")
        assert tokens is not None
        return json.loads(client.me().model_dump_json())
