"""No key or password stands in the repository, but for those of `.secrets.baseline`, which tests and examples made up.

Made anew where a new one of these is needed: `python -m tests.test_secrets_in_repository`; look at each line of the
difference before it is committed.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / ".secrets.baseline"
# Hashes of packages and of golden files, what is rendered from kuberay/ (which is looked through), types made from the
# API's document, and what is no text.
LEFT_OUT = re.compile(
    r"\.lock$|package-lock\.json$|^tests/golden/|^kuberay/rendered/|/api/schema\.d\.ts$|\.(png|gz|ico|woff2?)$|^\.secrets\.baseline$"
)
# All of detect-secrets that is of use here: each of its searches costs a second of this test.
SEARCHES = (
    "AWSKeyDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SlackDetector",
    "StripeDetector",
)
RANDOM_TEXTS = (
    {"name": "Base64HighEntropyString", "limit": 4.5},
    {"name": "HexHighEntropyString", "limit": 3.0},
)
SETTINGS: dict[str, Any] = {
    "plugins_used": [*({"name": name} for name in SEARCHES), *RANDOM_TEXTS],
    "filters_used": [
        {"path": f"detect_secrets.filters.heuristic.{name}"}
        for name in (
            "is_indirect_reference",
            "is_likely_id_string",
            "is_not_alphanumeric_string",
            "is_potential_uuid",
            "is_prefixed_with_dollar_sign",
            "is_sequential_string",
            "is_swagger_file",
            "is_templated_secret",
        )
    ],
}


# Any line in which one of those can find something. Only these are searched: all of them would take minutes.
SUSPICIOUS = re.compile(
    r"key|pass|pwd|secret|token|://\S+:\S+@|[\"'][a-z0-9+/=_-]{20,}[\"']|akia|asia|gh[pousr]_|glpat|gldt|xox|eyj|sk-|[sr]k_live",
    re.IGNORECASE,
)


def tracked() -> list[str]:
    named = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    # A file that is being removed is still listed.
    return [name for name in named.split("\0") if name and not LEFT_OUT.search(name) and (ROOT / name).is_file()]


def scan(names: Iterable[str], root: Path, mirror: Path) -> dict[tuple[str, str, str], int]:
    """Lines, by file, kind and the hash of what was found. `mirror`: a folder for the lines that are searched."""
    numbers: dict[str, list[int]] = {}
    for name in names:
        lines = enumerate((root / name).read_text("utf-8", "replace").splitlines(keepends=True), 1)
        kept = [(number, line) for number, line in lines if SUSPICIOUS.search(line)]
        if kept:
            numbers[name] = [number for number, _ in kept]
            (mirror / name).parent.mkdir(parents=True, exist_ok=True)
            (mirror / name).write_text("".join(line for _, line in kept))
    found = SecretsCollection(root=str(mirror))
    with transient_settings(SETTINGS):
        for name in numbers:
            found.scan_file(name)
    return {(name, one.type, one.secret_hash): numbers[name][one.line_number - 1] for name, one in found}


def test_what_looks_like_a_secret_is_known_to_be_none(tmp_path: Path) -> None:
    planted = {
        "deploy.py": 'AWS = "AKIA' + "QYLPMN5HNKDVNQ3E" + '"\n',
        "notes.md": "Clone it from https://ada:" + "x7Hq9tLw2" + "@example.com/parser.git\n",
        "key.pem": "-----BEGIN RSA PRIVATE " + "KEY-----\n",
    }
    for name, text in planted.items():
        (tmp_path / name).write_text(text)
    plants = scan(planted, tmp_path, tmp_path / "mirror of the planted")
    assert {name for name, _, _ in plants} == set(planted)
    found = scan(tracked(), ROOT, tmp_path / "mirror")
    known = {tuple(one) for one in json.loads(BASELINE.read_text())}
    told = "\n".join(f"{one[0]}:{line}: {one[1]}" for one, line in found.items() if one not in known)
    assert not told, f"These look like secrets:\n{told}"
    assert known <= set(found), "Some are gone: make the baseline anew."


def make() -> None:
    """The baseline: file, kind and hash of each."""
    with TemporaryDirectory() as mirror:
        found = scan(tracked(), ROOT, Path(mirror))
    BASELINE.write_text(json.dumps(sorted(found), indent=1) + "\n")


if __name__ == "__main__":
    make()
