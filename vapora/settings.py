"""One frozen `Settings`, read by composition roots only: environment first, then `vapora.toml`."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from vapora import secret_files
from vapora.commands import SearchVectors
from vapora.database import Place, check_url, log_schema, read_schema, search_schema
from vapora.objects import Objects, Where, objects_at, s3

Network = IPv4Network | IPv6Network
# Holds what `Settings.handed` says, for processes that this one starts; no setting of its own.
HANDED = "_VAPORA_SETTINGS"
_FILE = secret_files.ENDING.lower()
# Below the prefix of the blobs' address, beside the folders of workspaces, none of which may be called so.
_OURS = "_vapora"


def _resource(text: str) -> tuple[str, float]:
    name, _, amount = text.partition("=")
    # Ray counts in steps of a ten-thousandth, and above one in whole ones.
    if not (
        re.fullmatch(r" *[A-Za-z_]\w* *", name)
        and re.fullmatch(r" *([0-9]+|0?\.[0-9]{1,4}) *", amount)
        and float(amount) > 0
    ):
        raise ValueError("must name a resource of Ray and how much of it, as in vapora=0.5 or num_cpus=1")
    return name.strip(), float(amount)


def is_loopback(host: str) -> bool:
    """Whether a host by that name or address is this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _own_folders() -> tuple[Path, ...]:
    found = [Path.cwd()]
    with suppress(RuntimeError):  # a user without a home
        found.insert(0, Path.home())
    return tuple(found)


class Settings(BaseSettings):
    """Times are in seconds. The SDKs' own variables (`ANTHROPIC_API_KEY` …) stand in `vapora.llm.factory`."""

    model_config = SettingsConfigDict(
        env_prefix="VAPORA_",
        toml_file="vapora.toml",
        frozen=True,
        extra="ignore",
        # An error would show what was given, and that may hold a password.
        hide_input_in_errors=True,
    )

    data: Path = Path(".vapora")
    # PostgreSQL for log and read models; None: SQLite files in the data folder.
    database_url: SecretStr | None = None
    # Each secret may stand in a file instead, that this names.
    database_url_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    # PEM files: the server's certificate, with those between it and its authority, and its key. With both it speaks
    # https.
    tls_cert: Path | None = None
    tls_key: Path | None = None
    # A proxy in front of it ends TLS, so that it may speak plain HTTP to others than this machine.
    tls_proxy: bool = False
    # Of several installations on one database the one with the highest number serves, while it is alive; and by which
    # name this one is known among them: empty, by that of its Ray cluster, or by its machine and data folder.
    generation: int = Field(default=0, ge=0)
    installation: str = ""
    runtime: Literal["ray", "local"] = "ray"
    placement: Literal["separate", "packed", "shards"] = "separate"
    # With the placement `shards`: into how many processes the workspaces are spread, and what of a Ray cluster each of
    # these holds, as in vapora=0.5 or num_cpus=1; empty: nothing, so that it starts anywhere.
    shards: int = Field(default=1, ge=1, le=1_000)
    shard_resource: str = ""
    # How actors in two processes call each other; and what those of two nodes prove themselves by, where it is direct:
    # without it Ray carries every call between nodes.
    transport: Literal["direct", "ray"] = "direct"
    transport_secret: SecretStr = SecretStr("")
    transport_secret_file: Path | None = None
    # Where large texts are kept: s3://bucket/prefix; empty, in the data folder. Credentials are not for this setting.
    blobs_url: str = ""
    # Checkpoints elsewhere than beside the texts: a bucket whose objects nobody changes or deletes.
    checkpoints_url: str = ""
    model: Literal["auto", "rehearsal"] = "auto"
    # Where search has its vectors from in a workspace that does not say: learned from its own texts, none, or made by a
    # provider's model, as in openai:text-embedding-3-small.
    search_vectors: SearchVectors = "built-in"
    # How much a choice of an agent tries those of whom little is known; 0: the formula alone. And whether a model's
    # quality is the one that it ships with, or learned from the outcomes of runs.
    exploration: float = Field(default=0, ge=0, le=2)
    model_quality: Literal["baseline", "learned"] = "baseline"
    log_format: Literal["console", "json"] = "console"
    # A collector that takes traces by OTLP over HTTP, as http://collector:4318; empty: none are made.
    otlp_endpoint: str = ""
    # What it wants to be told, as `name=value` separated by commas: mostly a token.
    otlp_headers: SecretStr = SecretStr("")
    otlp_headers_file: Path | None = None
    # Of how many traces what is under way is recorded. What the log tells is sent of all.
    trace_ratio: float = Field(default=0.05, ge=0, le=1)

    # The rehearsal model takes about as long as a quick real one.
    rehearsal_min_delay_s: float = Field(default=1, ge=0)
    rehearsal_max_delay_s: float = Field(default=3, ge=0)
    # So many steps are rehearsed in a project without a repository; None: those of the role.
    rehearsal_steps: int | None = Field(default=None, gt=0)
    call_timeout_s: float = Field(default=120, gt=0)
    reservation_margin_s: float = Field(default=60, gt=0)
    # The workspace's limit a month, where nobody ever set one; None: no limit.
    default_cap_cents: int | None = Field(default=None, ge=0)
    budget_patience_s: float = Field(default=5, ge=0)
    resend_s: float = Field(default=2, gt=0)
    # An agent that has work is asked so often how it is. One that misses so many times in a row is suspended, started
    # anew, and its work goes to another: because it gave no answer, or because a run of it did not advance.
    agent_heartbeat_s: float = Field(default=5, gt=0)
    agent_misses: int = Field(default=6, ge=1)
    # How long an agent may take to answer for the first time.
    agent_start_s: float = Field(default=60, ge=0)
    # Below so much of the data folder's disk no run starts; 0: whatever is left.
    disk_free_percent: float = Field(default=5, ge=0, lt=100)
    # How long a run may be at one tool, and at one step beside models and tools.
    agent_tool_limit_s: float = Field(default=900, gt=0)
    agent_step_limit_s: float = Field(default=60, gt=0)
    agent_idle_s: float = Field(default=300, gt=0)
    # A workspace that nobody asks for so long, and that has nothing to do, sleeps until it is needed again.
    cell_idle_s: float = Field(default=300, gt=0)
    # `auto`: on loopback nobody signs in until there is an owner; `required`: everybody does, from the first start on.
    auth: Literal["auto", "required"] = "auto"
    # The first owner, made at the start where there is none.
    owner_email: str = ""
    owner_password: SecretStr = SecretStr("")
    owner_password_file: Path | None = None
    # Names and addresses, written as in `a.example.com,10.0.0.5`, under which browsers reach it once people sign in.
    # Empty: the host that it listens on, and this machine's own.
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(default_factory=tuple)
    access_token_s: int = Field(default=900, gt=0)
    refresh_token_days: float = Field(default=7, gt=0)
    # A provider of OpenID Connect, for teams that have one; empty: people sign in with a password.
    openid_issuer: str = ""
    # The address by which browsers reach it, as in https://vapora.example.com, where a proxy stands in front: with it
    # begin links that are sent to people.
    public_url: str = ""
    openid_client_id: str = ""
    openid_client_secret: SecretStr = SecretStr("")
    openid_client_secret_file: Path | None = None
    # How often the supervisor asks the actors of each workspace whether they are well.
    health_interval_s: float = Field(default=5, gt=0)
    max_body_bytes: int = Field(default=1_000_000, gt=0)
    # How long a request may take to arrive whole.
    receive_timeout_s: float = Field(default=30, gt=0)
    # A file that is put on a card, and how long it may take to arrive whole.
    max_attachment_bytes: int = Field(default=10_485_760, gt=0)
    upload_timeout_s: float = Field(default=120, gt=0)
    # How many requests a user or token, and an address, may send; empty: as many as they like. Without sign-in, and for
    # this machine's own address, only what is set here.
    rate_limit_user: str = "3000/minute"
    rate_limit_ip: str = "6000/minute"
    # Proxies whose X-Forwarded-For is believed: addresses or networks.
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(default_factory=tuple)
    # Pages of these origins may speak to the API.
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(default_factory=tuple)
    # Networks that webhooks may reach although they are inside, and by plain HTTP.
    webhook_allow: Annotated[tuple[Network, ...], NoDecode] = Field(default_factory=tuple)
    # Where packages come from beside those that ship: folders, index files and git URLs, separated by commas.
    package_sources: Annotated[tuple[str, ...], NoDecode] = Field(default_factory=tuple)
    # Networks of an own GitHub Enterprise Server or Jira, which may be reached although they are inside.
    tracker_allow: Annotated[tuple[Network, ...], NoDecode] = Field(default_factory=tuple)
    # Networks of servers of tools, which may be reached although they are inside, and by plain HTTP.
    tool_server_allow: Annotated[tuple[Network, ...], NoDecode] = Field(default_factory=tuple)
    ollama_model: str = "llama3.3"
    # The private key that signs checkpoints of the log; absent: `audit_key` in the data folder.
    audit_key: Path | None = None
    # A checkpoint after so many events, or so many seconds, whichever comes first.
    checkpoint_events: int = Field(default=1_000, gt=0)
    checkpoint_interval_s: float = Field(default=60, gt=0)
    # Tasks are offered through NATS JetStream; empty: the log itself is the queue.
    nats_url: str = ""
    nats_user: str = ""
    nats_password: SecretStr = SecretStr("")
    nats_password_file: Path | None = None
    nats_token: SecretStr = SecretStr("")
    nats_token_file: Path | None = None
    nats_creds: Path | None = None
    nats_tls_ca: Path | None = None
    nats_tls_cert: Path | None = None
    nats_tls_key: Path | None = None
    nats_ack_wait_s: float = Field(default=30, ge=0.1)
    nats_max_deliver: int = Field(default=5, ge=2)
    # A task that the queue has not delivered by then is taken from the log.
    nats_patience_s: float = Field(default=2, ge=0)
    # "provider/model" to micro-dollars per million tokens, in and out: for models that the price list does not know.
    prices: dict[str, tuple[int, int]] = Field(default_factory=dict)
    # Models and providers beside those that ship.
    models_file: Path | None = None

    # What encrypts the secrets of workspaces: a key, or a file that holds it; neither: `vault_key` in the data folder.
    vault_key: SecretStr = SecretStr("")
    vault_key_file: Path | None = None
    # An OpenBao or Vault that keeps them instead.
    vault_url: str = ""
    vault_token: SecretStr = SecretStr("")
    vault_token_file: Path | None = None
    vault_role_id: str = ""
    vault_secret_id: SecretStr = SecretStr("")
    vault_secret_id_file: Path | None = None
    vault_mount: str = Field(default="secret", min_length=1)
    vault_prefix: str = Field(default="vapora", min_length=1)
    vault_namespace: str = ""
    vault_ca: Path | None = None

    # Folders that a project's repository may be in, written as in PATH. Default: the home and the working folder of who
    # starts it.
    repo_roots: Annotated[tuple[Path, ...], NoDecode] = Field(default_factory=_own_folders)
    # What keeps commands of agents apart from this machine; `none` is only taken when a person says so.
    sandbox: Literal["auto", "bubblewrap", "sandlock", "none"] = "auto"
    # Who stands as committer in commits that VAPORA makes.
    committer: str = "VAPORA <vapora@localhost>"
    # A worktree that nobody used for so long is removed; its branch stays, and it is made again when it is needed.
    worktree_days: float = Field(default=14, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Those that are not read where they are used, as the vault's are."""
        read = dict(given)
        for name in cls.in_files():
            if path := given.get(name + _FILE):
                variable = f"VAPORA_{name.upper()}"
                if _revealed(given.get(name)):
                    raise secret_files.both(variable)
                read[name] = SecretStr(secret_files.read_file(Path(path), variable + secret_files.ENDING))
        return read

    @classmethod
    def in_files(cls) -> tuple[str, ...]:
        """The secrets that are read from their files with the settings."""
        return tuple(name for name in cls.model_fields if name + _FILE in cls.model_fields and not _is_late(name))

    def handed(self) -> dict[str, str]:
        """The variable that gives processes of our own these very settings, whatever else they would read. It holds the
        secrets that were given as such: it belongs into their environment, and nowhere else."""
        plain = self.model_dump(mode="json", exclude={name for name in self.in_files() if getattr(self, name + _FILE)})
        for name in plain:
            if isinstance(value := getattr(self, name), SecretStr):
                plain[name] = value.get_secret_value()
        return {HANDED: json.dumps(plain | {"data": str(self.data.absolute())})}

    @field_validator("repo_roots", mode="before")
    @classmethod
    def _split_roots(cls, given: Any) -> Any:
        return tuple(part for part in given.split(os.pathsep) if part) if isinstance(given, str) else given

    @field_validator("repo_roots")
    @classmethod
    def _check_roots(cls, given: tuple[Path, ...]) -> tuple[Path, ...]:
        roots = tuple(one.expanduser() for one in given)
        if wrong := [one for one in roots if not one.is_absolute()]:
            raise ValueError(f"{wrong[0]} is no absolute path")
        return roots

    @field_validator("shard_resource")
    @classmethod
    def _check_resource(cls, given: str) -> str:
        if given:
            _resource(given)
        return given

    @property
    def shard_holds(self) -> tuple[str, float] | None:
        """A resource of Ray, and how much of it."""
        return _resource(self.shard_resource) if self.shard_resource else None

    @field_validator("rate_limit_user", "rate_limit_ip")
    @classmethod
    def _check_rate(cls, given: str) -> str:
        if given.strip() and not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", given.strip()):
            raise ValueError("must be written as 600/minute (second, minute, hour or day), or be empty")
        return given.strip()

    @field_validator("package_sources", mode="before")
    @classmethod
    def _split_sources(cls, given: Any) -> Any:
        return tuple(_words(given))

    @field_validator("trusted_proxies", "webhook_allow", "tracker_allow", "tool_server_allow", mode="before")
    @classmethod
    def _split_networks(cls, given: Any) -> Any:
        return tuple(ip_network(one) if isinstance(one, str) else one for one in _words(given))

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, given: Any) -> Any:
        return tuple(_origin(one) for one in _words(given))

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, given: Any) -> Any:
        parts = given.split(",") if isinstance(given, str) else given
        return tuple(part.strip().lower() for part in parts if part.strip())

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, given: str) -> str:
        url = given.strip().rstrip("/")
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            good = False
        # What stands in a link is shown around.
        if url and (not good or "@" in parts.netloc or parts.query or parts.fragment or not url.isprintable()):
            raise ValueError("must be written as https://vapora.example.com, without a user, query or fragment")
        return url

    @field_validator("otlp_endpoint")
    @classmethod
    def _check_otlp_endpoint(cls, given: str) -> str:
        url = given.strip()
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc):
            raise ValueError("must be written as http://collector:4318; a token belongs into VAPORA_OTLP_HEADERS")
        return url

    @field_validator("otlp_headers")
    @classmethod
    def _check_otlp_headers(cls, given: SecretStr) -> SecretStr:
        for part in filter(str.strip, given.get_secret_value().split(",")):
            name, equals, _ = part.partition("=")
            if not equals or not re.fullmatch(r"[A-Za-z0-9-]+", name.strip()):
                raise ValueError("must be written as name=value, separated by commas")
        return given

    @field_validator("committer")
    @classmethod
    def _check_committer(cls, given: str) -> str:
        if not re.fullmatch(r"[^<>\n]*[^<>\s][^<>\n]*<[^<>\s]+>", given.strip()):
            raise ValueError("must be written as in git: Name <name@example.com>")
        return given.strip()

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, given: SecretStr | None) -> SecretStr | None:
        if given is None or not given.get_secret_value().strip():
            return None
        return SecretStr(check_url(given.get_secret_value().strip()))

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    @property
    def tls_files(self) -> tuple[Path, Path] | None:
        """Certificate and key, for whichever process and folder; None where it speaks plain HTTP."""
        if self.tls_cert is None or self.tls_key is None:
            return None
        return self.tls_cert.absolute(), self.tls_key.absolute()

    @property
    def otlp_header_map(self) -> dict[str, str]:
        """What goes with each request to the collector of traces."""
        parts = filter(str.strip, self.otlp_headers.get_secret_value().split(","))
        return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts)}

    def log_place(self, workspace: str) -> Place:
        """Where a workspace's log is."""
        url = self.database_url
        return self.log_file(workspace) if url is None else log_schema(url.get_secret_value(), workspace)

    def read_place(self, workspace: str) -> Place:
        """Where its read models are."""
        url = self.database_url
        return self.read_file(workspace) if url is None else read_schema(url.get_secret_value(), workspace)

    def search_place(self, workspace: str) -> Place:
        """Where its search index is."""
        url = self.database_url
        if url is None:
            return self.workspace_folder(workspace) / "search.db"
        return search_schema(url.get_secret_value(), workspace)

    def workspace_folder(self, workspace: str) -> Path:
        """Where a workspace's files are: its log, read models and blobs."""
        return self.data.absolute() / "workspaces" / workspace

    def workflow_folder(self, workspace: str) -> Path:
        """Where files that define its workflows are looked for."""
        return self.workspace_folder(workspace) / "workflows"

    def package_folder(self, workspace: str) -> Path:
        """Where packages that it may install are looked for, beside those that ship: a folder for each."""
        return self.workspace_folder(workspace) / "packages"

    @property
    def package_copies(self) -> Path:
        """What was fetched of git repositories with packages; may be deleted at any time."""
        return self.data.absolute() / "packages"

    def log_file(self, workspace: str) -> Path:
        return self.workspace_folder(workspace) / "log.db"

    def read_file(self, workspace: str) -> Path:
        return self.workspace_folder(workspace) / "read.db"

    def blob_folder(self, workspace: str) -> Path:
        return self.workspace_folder(workspace) / "blobs"

    def repositories_folder(self, workspace: str) -> Path:
        """What is ours of its projects' repositories, a folder for each project."""
        return self.workspace_folder(workspace) / "repositories"

    def tool_server_folder(self, workspace: str, server: str) -> Path:
        """The home of a server of tools, where that is a process of ours."""
        return self.workspace_folder(workspace) / "tool-servers" / server

    def webhooks_folder(self, workspace: str) -> Path:
        """What is to be sent to webhooks."""
        return self.workspace_folder(workspace) / "webhooks"

    def trackers_folder(self, workspace: str) -> Path:
        """What is to be carried to trackers, and where to look in them."""
        return self.workspace_folder(workspace) / "trackers"

    def webhook_secrets(self, workspace: str) -> Path:
        """Where earlier versions kept what webhooks sign with; the vault takes it over at the next start."""
        return self.webhooks_folder(workspace) / "secrets"

    def checkpoints(self, workspace: str) -> Path | Objects:
        """Where it was signed how far the log had come: a file or objects, outside the log itself."""
        if self.checkpoints_url:
            return objects_at(self.checkpoints_url, "VAPORA_CHECKPOINTS_URL", workspace)
        return self.shared("checkpoints", workspace) or self.checkpoint_file(workspace)

    def checkpoint_file(self, workspace: str) -> Path:
        return self.workspace_folder(workspace) / "checkpoints.jsonl"

    @property
    def people_folder(self) -> Path:
        """What is known of people beside the people log: the keys that sign access tokens, and, without a database,
        names and password hashes."""
        return self.data.absolute() / "people"

    @property
    def audit_key_file(self) -> Path:
        return (self.audit_key or self.data / "audit_key").absolute()

    @property
    def vault_file(self) -> Path:
        """Where the secrets of all workspaces are, encrypted, unless they are in a database or an OpenBao."""
        return self.data.absolute() / "vault.db"

    def stream_snapshots(self, workspace: str) -> Where:
        """Those of single streams, of which there may be many."""
        return self.shared("snapshots", workspace, "streams") or self.snapshot_folder(workspace) / "streams"

    def snapshots(self, workspace: str) -> Where:
        """What actors save for a quick start; may be deleted at any time."""
        return self.shared("snapshots", workspace) or self.snapshot_folder(workspace)

    def snapshot_folder(self, workspace: str) -> Path:
        return self.workspace_folder(workspace) / "snapshots"

    def outboxes(self, workspace: str, *whose: str) -> Objects | None:
        """Where copies are kept of what waits to be sent; None: the data folder is kept itself."""
        return self.shared("outboxes", workspace, *whose)

    def branches(self, workspace: str) -> Objects | None:
        """Where branches are kept that nobody merged or pushed yet; None: they are in the data folder alone."""
        return self.shared("branches", workspace)

    def exports(self) -> Objects | None:
        """Where what a deleted workspace held is moved to; None: it stays in the data folder."""
        return self.shared("exports")

    @property
    def is_shared(self) -> bool:
        """Whether nothing that matters is in the data folder: log, texts and the key that signs stand elsewhere, as
        they must where there are several nodes."""
        return self.database_url is not None and bool(self.blobs_url) and self.audit_key is not None

    def shared(self, kind: str, *below: str) -> Objects | None:
        """What all nodes see, beside the texts; None: there is no such place, and the data folder stands in for it."""
        if not self.blobs_url:
            return None
        quick = s3.QUICK if kind in ("snapshots", "outboxes") else None
        return objects_at(self.blobs_url, "VAPORA_BLOBS_URL", _OURS, kind, *below, patience=quick)

    @property
    def cells_folder(self) -> Path:
        """Records of cells that are not open: `vapora.log.cell_records`."""
        return self.data.absolute() / "cells"

    @property
    def exports_folder(self) -> Path:
        """Where what a deleted workspace held is saved."""
        return self.data.absolute() / "exports"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        if handed := os.environ.get(HANDED):
            # All of them stand in there, so that neither another variable nor a file counts.
            nothing = TomlConfigSettingsSource(settings_cls, toml_file=None)
            return init_settings, InitSettingsSource(settings_cls, json.loads(handed)), nothing
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def _is_late(name: str) -> bool:
    """The vault's own secrets: their files are looked at by whoever opens it, each time."""
    return name.startswith("vault_")


def _revealed(given: Any) -> Any:
    return given.get_secret_value() if isinstance(given, SecretStr) else given


def _words(given: Any) -> Any:
    return given.replace(",", " ").split() if isinstance(given, str) else given


def _origin(text: str) -> str:
    """An origin as browsers send it. Whoever allowed every origin would let any page act for its visitors."""
    parts = urlsplit(text.lower())
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.hostname or "*" in origin or text.lower() != origin:
        raise ValueError(f"{text!r} is no origin: write https://board.example.com, without a path; * is refused")
    return origin
