"""The form of the files: `sh check.sh style`. Names each line that is wrong, and ends with 1 if there is one."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

WIDTH = 120
FOLDERS = ("shortleaf", "tests", "tools", "docs", "marketing")


def complaints(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > WIDTH:
            found.append(f"{path}:{number}: longer than {WIDTH} characters")
        if line != line.rstrip():
            found.append(f"{path}:{number}: ends with blanks")
        if line.startswith(("<<<<<<< ", ">>>>>>> ")):
            found.append(f"{path}:{number}: a conflict is not resolved")
    if text and not text.endswith("\n"):
        found.append(f"{path}: does not end with a line break")
    if path.suffix == ".py" and text and ast.get_docstring(ast.parse(text)) is None:
        found.append(f"{path}:1: the module says nothing about itself")
    return found


def main() -> int:
    root = Path(__file__).resolve().parent.parent
    files = [path for path in root.glob("*.md")]
    for folder in FOLDERS:
        files += [path for path in (root / folder).rglob("*") if path.suffix in (".py", ".md")]
    found = [line for path in sorted(files) for line in complaints(path)]
    for line in found:
        print(line.replace(f"{root}/", ""))
    print(f"{len(files)} files, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
