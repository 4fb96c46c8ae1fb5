"""Packages for tests, written into a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

PROMPT = "You are Pilcrow, who mends slugs. Say §FIRST§ when you begin."
AGENT = """
id = "slug-mender"
name = "Slug mender"
version = "{version}"
kind = "agent"
description = "Mends slugs."

[agent]
role = "developer"
prompt = "prompt.md"
task_types = ["code-generation"]
tools = {tools}
temperature = 0.4
max_output_tokens = 3000
priority = 90
{more}
"""
WORK_TOOLS = '["file_read", "file_edit", "finish"]'


def write(folder: Path, manifest: str, files: dict[str, str | bytes]) -> Path:
    """With the digest of each file in its manifest. Gives the package's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["", "[files]"]
    for name, text in files.items():
        data = text.encode() if isinstance(text, str) else text
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        lines.append(f'"{name}" = "{hashlib.sha256(data).hexdigest()}"')
    (folder / "package.toml").write_text(manifest + "\n".join(lines) + "\n")
    return folder


def agent_package(
    folder: Path, version: str = "1.0.0", prompt: str = PROMPT, tools: str = WORK_TOOLS, more: str = ""
) -> Path:
    manifest = AGENT.format(version=version, tools=tools, more=more)
    return write(folder / "slug-mender", manifest, {"prompt.md": prompt})
