"""Names of secrets that a part of the system looks for by itself."""

from __future__ import annotations


def api_key_name(provider: str) -> str:
    """The key of a model provider, in place of the installation's: `anthropic-api-key`."""
    return f"{provider}-api-key"


def git_login_name(host: str, port: int | None = None) -> str:
    """What a git remote wants over https, `user:token` or a token alone: `git-github.com`, `git-example.com-8443`."""
    return f"git-{_place(host, port)}"


def git_ssh_name(host: str, port: int | None = None) -> str:
    """The private key for a git remote over ssh: `git-ssh-github.com`."""
    return f"git-ssh-{_place(host, port)}"


def git_known_hosts_name(host: str, port: int | None = None) -> str:
    """The lines of a known_hosts file by which that remote is believed: `git-ssh-known-hosts-github.com`."""
    return f"git-ssh-known-hosts-{_place(host, port)}"


def webhook_secret_name(webhook_id: str) -> str:
    """What a webhook's messages are signed with: `signing-webhook-…`."""
    return f"signing-{webhook_id}"


def _place(host: str, port: int | None) -> str:
    # A name takes no colon and no bracket: an IPv6 address has hyphens in their place.
    plain = host.lower().strip("[]").replace("::", "-0-").replace(":", "-").strip("-")
    return plain if port is None else f"{plain}-{port}"
