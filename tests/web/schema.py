"""The types by which the pages speak to the API: `python -m tests.web.schema` makes them anew from our own document."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import hatch_build
from vapora.api.app import document

WEB = Path(__file__).parents[2] / "vapora" / "web"
TYPES = WEB / "src" / "api" / "schema.d.ts"


def types() -> str:
    """What `src/api/schema.d.ts` has to be."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        source.write_text(json.dumps(document()))
        run("openapi-typescript", str(source), "-o", str(made))
        return made.read_text()


def run(tool: str, *arguments: str) -> None:
    """One of the tools that npm has installed, with its output where it fails."""
    npm, environment = hatch_build.find_npm()
    command = [*npm, "exec", "--offline", "--", tool, *arguments]
    done = subprocess.run(command, cwd=WEB, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    hatch_build.build(WEB)
    TYPES.write_text(types())
