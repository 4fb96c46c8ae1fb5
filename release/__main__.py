"""`python -m release check|dist|smoke|sbom|sums`: what `make release` does, one step each; nothing is published."""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

from release import bill, dists, version

ROOT = Path(__file__).parents[1]
_EXTRAS = "platform,deploy,notebook"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("step", choices=["check", "dist", "smoke", "sbom", "sums"])
    parser.add_argument("--tag", default="", help="the tag to release, such as v1.2.3; without it none is looked at")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="where the files are")
    asked = parser.parse_args()
    found = _step(asked.step, asked.into, asked.tag or None)
    for one in found:
        print(one, file=sys.stderr)
    return 1 if found else 0


def _step(step: str, into: Path, tag: str | None) -> list[str]:
    from vapora import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    match step:
        case "check":
            changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
            given = version.faults(project=project, package=__version__, changelog=changelog, tag=tag)
            return given + version.tree_faults(ROOT)
        case "dist":
            found = dists.built_twice(ROOT, into, version.committed_at(ROOT))
            return found + [said for said in [dists.described(into)] if said]
        case "smoke":
            wheel = into / f"vapora-{project}-py3-none-any.whl"
            if not wheel.is_file():
                return [f"There is no {wheel}: run `make dist` first."]
            return dists.installed(wheel, project, extras=_EXTRAS)
        case "sbom":
            into.mkdir(parents=True, exist_ok=True)
            file = into / f"vapora-{project}.cdx.json"
            file.write_text(bill.as_json(bill.made(ROOT, version.committed_at(ROOT))), encoding="utf-8")
            return []
        case _:
            (into / "SHA256SUMS").write_text(dists.sums(into), encoding="utf-8")
            return []


if __name__ == "__main__":
    sys.exit(main())
