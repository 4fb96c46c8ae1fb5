"""No secret that a run used stands in a file, or in the journal, but where it is kept."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.api.doors import opened
from tests.api.signing import PASSWORD, bearer, set_up
from vapora import operator_token
from vapora.settings import Settings

KEY = "sk-ant-canary-5d1f0c77"
RESET = "staple battery horse"


async def test_no_secret_is_written_but_where_it_is_kept(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    async with opened(settings.model_copy(update={"auth": "required"})) as door:
        house = await set_up(door)
        owner = bearer(house.owner)
        member = await house.member("grace")
        hook = {"url": "http://127.0.0.1:9/hooks", "topics": ["webhook.set"]}
        webhook = await door.ask("POST", "/webhooks", 201, hook, headers=owner)
        issued = await door.ask("POST", "/tokens", 201, {"name": "ci", "scopes": ["workspace:default"]}, headers=owner)
        body = {"email": "bob@example.com", "role": "member"}
        invited = await door.ask("POST", "/workspaces/default/invitations", 201, body, headers=owner)
        await door.ask("PUT", "/secrets/anthropic", 200, {"value": KEY}, headers=owner)
        user = await house.user_id(member)
        await door.ask("POST", f"/users/{user}/password", 200, {"password": RESET}, headers=owner)
        secrets = {
            "password": PASSWORD,
            "reset": RESET,
            "key": KEY,
            "webhook": webhook["secret"],
            "service": issued["token"],
            "invitation": invited["token"],
            "access": house.owner.access_token,
            "refresh": house.owner.refresh_token,
            "operator": operator_token.ensure(settings.data),
        }
        for path in ("/events", "/audit", "/people/audit"):
            await door.ask("GET", path, 200, headers=owner, params={"limit": 500})
        await door.ask("PUT", "/secrets/anthropic", 422, {"value": KEY, "more": KEY}, headers=owner)
    said = capfd.readouterr()
    written = {path: path.read_bytes() for path in settings.data.rglob("*") if path.is_file()}
    texts = [(path.name, text) for path, text in written.items()]
    texts += [("the journal", said.out.encode()), ("the journal", said.err.encode())]
    assert len(written) > 5
    found = {
        (place, name)
        for place, text in texts
        for name, secret in secrets.items()
        if secret.encode() in text or b64encode(secret.encode()).rstrip(b"=") in text
    }
    # A file of its own: the token that lets an operator in. What signs the webhook's calls is in the vault, encrypted.
    assert found == {("operator_token", "operator")}
    for file in written:
        if file.name in ("operator_token", "vault.db", "vault_key"):
            assert file.stat().st_mode & 0o077 == 0, file.name
