"""A real OpenBao on loopback with its data in a temporary folder; ended by its process id."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hvac
import requests

from tests.ports import free_port
from vapora.vault.openbao import OpenBaoOptions, OpenBaoVault

_READY_S = 90.0
# A busy machine takes its time to write.
PATIENCE_S = 60.0
# What docs/secrets.md says that VAPORA needs.
POLICY = """
path "secret/data/vapora/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/vapora" { capabilities = ["list"] }
path "secret/metadata/vapora/*" { capabilities = ["list", "read", "create", "update"] }
path "secret/destroy/vapora/*" { capabilities = ["create", "update"] }
"""
ROTATING = """
path "sys/rotate" { capabilities = ["sudo", "update"] }
path "sys/key-status" { capabilities = ["read"] }
"""


class OpenBaoServer:
    """Started once, it is initialised and has a KV engine at `secret`; stopped and started again, it is unsealed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._unseal = ""
        self.root = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, token: str = "") -> Any:
        return hvac.Client(url=self.url, token=token or self.root, timeout=PATIENCE_S)

    def start(self, *, unseal: bool = True) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "raft").mkdir(exist_ok=True)
        config = {
            "storage": {"raft": {"path": str(self.folder / "raft"), "node_id": "one"}},
            "listener": {"tcp": {"address": f"127.0.0.1:{self.port}", "tls_disable": True}},
            "api_addr": self.url,
            "cluster_addr": f"http://127.0.0.1:{free_port()}",
            "disable_mlock": True,
        }
        file = self.folder / "bao.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        with (self.folder / "bao.log").open("ab") as log:
            program = Path(sys.executable).parent / "bao"
            self._process = subprocess.Popen([program, "server", f"-config={file}"], stdout=log, stderr=log)
        self._until(lambda: self._health() != 0)
        if not self._unseal:
            self._first_time()
        elif unseal:
            self.unseal()

    def unseal(self) -> None:
        self.client().sys.submit_unseal_key(self._unseal)
        self._until(lambda: self._health() == 200)

    def strike(self) -> None:
        """As kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def token(self, *policies: str) -> str:
        """Of one that may do no more than its policies say."""
        admin = self.client()
        for number, text in enumerate(policies):
            admin.sys.create_or_update_policy(name=f"of-{number}", policy=text)
        names = [f"of-{number}" for number in range(len(policies))]
        answer = admin.auth.token.create(policies=names, no_default_policy=True)
        return str(answer["auth"]["client_token"])

    def app_role(self, policy: str, ttl: str = "10m") -> tuple[str, str]:
        """The role's id and a secret id for it."""
        admin = self.client()
        if "approle/" not in admin.sys.list_auth_methods()["data"]:
            admin.sys.enable_auth_method("approle")
        admin.sys.create_or_update_policy(name="role", policy=policy)
        admin.auth.approle.create_or_update_approle("vapora", token_policies=["role"], token_ttl=ttl)
        role = admin.auth.approle.read_role_id("vapora")["data"]["role_id"]
        secret = admin.auth.approle.generate_secret_id("vapora")["data"]["secret_id"]
        return str(role), str(secret)

    def vault(self, **given: Any) -> OpenBaoVault:
        """`given`: of `OpenBaoOptions`."""
        return OpenBaoVault(OpenBaoOptions(self.url, **given), PATIENCE_S)

    def _first_time(self) -> None:
        made = self.client().sys.initialize(secret_shares=1, secret_threshold=1)
        self._unseal, self.root = made["keys_base64"][0], made["root_token"]
        self.unseal()
        self.client().sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
        # The engine prepares itself in the background.
        self._until(lambda: "data" in self.client().secrets.kv.v2.read_configuration())

    def _health(self) -> int:
        """200: it answers; others while it is sealed, or not yet the leader of its one."""
        return int(requests.get(f"{self.url}/v1/sys/health", timeout=PATIENCE_S).status_code)

    def _until(self, question: Any) -> None:
        deadline = time.monotonic() + _READY_S
        while True:
            try:
                if question():
                    return
            except (requests.exceptions.RequestException, hvac.exceptions.VaultError):
                pass
            assert self._process is not None and self._process.poll() is None, (self.folder / "bao.log").read_text()
            assert time.monotonic() < deadline, "OpenBao did not get ready"
            time.sleep(0.02)
