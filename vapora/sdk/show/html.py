"""Elements of HTML. A text that is not `Html` is escaped, whatever it is: titles, patches and reasons are words of
models and strangers. There are no scripts, no links and no addresses in it, and no colours that a dark page would hide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from vapora.unicode import printable

_EDGE = "1px solid rgba(128,128,128,.35)"
_CELL = f"border-bottom:{_EDGE};padding:.15em .6em;text-align:left;vertical-align:top"
GOOD, BAD, MILD = "#1a7f37", "#cf222e", "rgba(128,128,128,.9)"


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def el(name: str, *parts: object, **attributes: str) -> Html:
    """An element around its parts."""
    said = "".join(f' {key.replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{said}>{joined(parts)}</{name}>")


def joined(parts: Iterable[object]) -> Html:
    return Html("".join(one if isinstance(one, Html) else escape(printable(str(one))) for one in parts))


def badge(text: str, colour: str = MILD) -> Html:
    style = f"border:1px solid {colour};color:{colour};border-radius:.8em;padding:0 .5em;font-size:85%"
    return el("span", text, style=f"{style};white-space:nowrap")


def bar(share: float, width: str = "8em", colour: str = "#0969da") -> Html:
    """A bar that is full at 1, with its share as text for whoever does not see it."""
    percent = f"{100 * min(max(share, 0.0), 1.0):.0f}%"
    inner = el("span", style=f"display:block;height:100%;width:{percent};background:{colour}")
    outer = f"display:inline-block;vertical-align:middle;width:{width};height:.7em;border:{_EDGE};border-radius:.35em"
    return el("span", inner, style=f"{outer};overflow:hidden", role="img", title=percent, aria_label=percent)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> Html:
    top = el("tr", *(el("th", head, scope="col", style=_CELL) for head in heads))
    body = [el("tr", *(el("td", cell, style=_CELL) for cell in row)) for row in rows]
    title = el("caption", caption, style="text-align:left;font-weight:bold;padding:.3em 0") if caption else ""
    style = "border-collapse:collapse;font-size:90%"
    return el("table", title, el("thead", top), el("tbody", *body), style=style)


def box(*parts: object, style: str = "") -> Html:
    return el("div", *parts, style=f"border:{_EDGE};border-radius:.5em;padding:.5em .8em;margin:.3em 0;{style}")


def folded(summary: object, *parts: object, is_open: bool = False) -> Html:
    head = el("summary", summary, style="cursor:pointer")
    return el("details", head, *parts, open="open") if is_open else el("details", head, *parts)
