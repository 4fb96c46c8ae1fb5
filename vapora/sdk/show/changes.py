"""What a branch changed."""

from __future__ import annotations

from vapora import views
from vapora.sdk.show.html import BAD, GOOD, MILD, Html, badge, el, folded, table
from vapora.unicode import printable

_MOST_LINES = 400
_MONO = "white-space:pre-wrap;font-family:monospace;font-size:85%;margin:.3em 0"
_STYLES = {
    "+": "background:rgba(46,160,67,.18)",
    "-": "background:rgba(248,81,73,.18)",
    "@": "opacity:.65",
}


def changes_html(changes: views.Changes) -> Html:
    head = f"{changes.branch}: {changes.base[:9]} → {changes.head[:9]}"
    said = [f"{len(changes.commits)} commits", f"{len(changes.files)} files"]
    if changes.truncated:
        said.append("not all of it is shown")
    parts: list[object] = [
        el("div", el("b", head), " ", " · ".join(said)),
        table(
            ("file", "change", "lines"),
            [(_name(one), one.status, _lines(one)) for one in changes.files],
        ),
    ]
    parts += [_check(one) for one in changes.checks]
    if changes.conflicts:
        parts.append(el("div", badge("conflicts", BAD), " ", ", ".join(changes.conflicts)))
    if changes.patch:
        parts.append(folded("patch", _patch(changes.patch), is_open=changes.patch.count("\n") <= _MOST_LINES))
    return el("div", *parts)


def _name(file: views.ChangedFile) -> str:
    return f"{file.old_path} → {file.path}" if file.old_path else file.path


def _lines(file: views.ChangedFile) -> str:
    return "binary" if file.binary else f"+{file.additions} −{file.deletions}"


def _check(check: views.CheckResult) -> Html:
    good = check.exit_code == 0
    verdict = badge("green" if good else "red", GOOD if good else BAD)
    head = el("span", verdict, " ", check.name, " ", el("code", check.command))
    return folded(head, el("pre", check.output, style=_MONO))


def _patch(patch: str) -> Html:
    lines = patch.splitlines()
    drawn = [el("div", line or " ", style=_style(line)) for line in lines[:_MOST_LINES]]
    more = len(lines) - len(drawn)
    rest = [el("div", f"and {more} more lines: print(changes.patch)", style=f"color:{MILD}")] if more > 0 else []
    return el("div", *drawn, *rest, style=_MONO)


def _style(line: str) -> str:
    """The names of the files stand behind `---` and `+++`."""
    return "font-weight:bold" if line.startswith(("--- ", "+++ ")) else _STYLES.get(line[:1], "")


def changes_text(changes: views.Changes) -> str:
    lines = [f"{changes.branch}: {changes.base[:9]} → {changes.head[:9]}, {len(changes.commits)} commits"]
    lines += [f"  {one.status:<9} {_lines(one):>10}  {_name(one)}" for one in changes.files]
    for check in changes.checks:
        lines.append(f"  check {check.name}: {'green' if check.exit_code == 0 else 'red'}")
    if changes.conflicts:
        lines.append(f"  conflicts: {', '.join(changes.conflicts)}")
    return printable("\n".join([*lines, changes.patch]).rstrip())
