"""`vapora up`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from vapora import durable, operator_token
from vapora.cli.offline import settings_for
from vapora.cli.output import Json, console, emit_json, say
from vapora.cli.platform import Addresses, Factory, Local, origin, ray_platform, start
from vapora.cli.spending_notice import announce_spending
from vapora.startup import interrupt

if TYPE_CHECKING:
    from vapora.settings import Settings


def up(
    host: Annotated[str | None, typer.Option(help="Absent: VAPORA_HOST or 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Absent: VAPORA_PORT or 8000.")] = None,
    data: Annotated[Path | None, typer.Option(help="Absent: VAPORA_DATA or .vapora.")] = None,
    local: Local = False,
    browser: Annotated[bool, typer.Option("--open", help="Open the board in the browser once it is up.")] = False,
    as_json: Json = False,
) -> None:
    """Start everything on this machine; Ctrl-C stops it. Started again, it goes on where it stopped."""
    with interrupt.abandoning():
        settings = settings_for(data, host=host, port=port, runtime="local" if local else None)
    run(settings, as_json, ray_platform, browser)


def run(settings: Settings, as_json: bool, factory: Factory, browser: bool = False) -> None:
    out, began = sys.stdout, time.monotonic()
    # What libraries print is no result: with --json, stdout holds one line and nothing else.
    with redirect_stdout(sys.stderr):
        platform, addresses = start(settings, factory)
        try:
            for problem in addresses.problems:
                say(f"Not well: {problem} See `vapora doctor`.")
            answer = _answer(settings, addresses, time.monotonic() - began)
            if as_json:
                emit_json(answer, out)
            else:
                # Only to somebody who looks: what is piped somewhere ends in a log.
                console(out, soft_wrap=True).print(welcome(answer, settings, shown=out.isatty()))
            announce_spending(settings, os.environ, origin(addresses))
            if browser:
                open_browser(_handed_over(settings, addresses.board), os.environ)
            platform.wait()
        except KeyboardInterrupt:
            pass
        finally:
            platform.stop()
    say(f"Stopped. `vapora up --data {settings.data}` goes on where this ended.")


def _handed_over(settings: Settings, board: str) -> str:
    """The address of a page of our own that leads to the board, with a code that is exchanged for the operator's token.

    Everybody on the machine sees what a browser was started with, so the code stands in a file that only its owner can
    read. A browser from a snap cannot read it, and is shown the board without.
    """
    if any((_SNAPS / name).exists() for name in ("firefox", "chromium")):
        return board
    code = operator_token.offer(settings.data, time.time())
    page = (settings.data / "open.html").absolute()
    durable.write(page, _OPENING.format(address=f"{board}#code={code}").encode())
    return page.as_uri()


_SNAPS = Path("/snap/bin")
_OPENING = """<!doctype html><meta charset="utf-8"><title>VAPORA</title>
<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url={address}">
<a href="{address}">The board</a>
"""


def open_browser(url: str, environ: Mapping[str, str]) -> None:
    """Where there is a screen. A browser for the terminal would write over ours, and takes no click."""
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & environ.keys():
        say(f"There is no screen to open a browser on; the board is at {url}.")
        return
    # In a process of its own: some browsers return only when they are closed, some print, and none of them is to be
    # ended with us, or to know where Ray's token is.
    subprocess.Popen(  # noqa: S603 - our own interpreter, and an address of ours
        [sys.executable, "-I", "-m", "webbrowser", url],
        env={name: value for name, value in environ.items() if not name.startswith("RAY_")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def welcome(answer: dict[str, Any], settings: Settings, *, shown: bool) -> RenderableType:
    """`shown`: to somebody who looks, and may see secrets. Those stand behind a `#`: no browser sends that part."""
    link, about_people = _people(answer["board"], settings, shown)
    lines = [
        Text(f"The board: {link}", style="bold"),
        *(Text(f"  people     {line}") for line in about_people),
        Text(f"  started    in {answer['ready_s']:.1f} s; data in {answer['data']}"),
        Text(f"  API docs   {answer['api_docs']}"),
    ]
    if answer["dashboard"]:
        lines.append(Text(f"  Ray        {answer['dashboard']}"))
    if answer["mode"] == "rehearsal":
        lines += [
            Text("\n  REHEARSAL  ", style="bold reverse"),
            Text("  No real model answers; all money shown is simulated. For real work set one of ANTHROPIC_API_KEY,"),
            Text("  OPENAI_API_KEY, GEMINI_API_KEY or OLLAMA_HOST, and start again."),
        ]
    return Group(*lines, Text("\nCtrl-C stops it."))


def _people(board: str, settings: Settings, shown: bool) -> tuple[str, list[str]]:
    """The address to open, and what is to be known about signing in."""
    from vapora.identity import setup_token

    setup = setup_token.read(settings.people_folder)
    if setup is None:
        return board, ["sign in with their address and password"]
    place = settings.people_folder / setup_token.NAME
    # Who makes the first account may sit elsewhere; the board's own address is for this machine.
    public = f"{settings.public_url}/" if settings.public_url else board
    link = f"{public}setup#{setup}" if shown else f"{public}setup#<the text of {place}>"
    if settings.auth == "required" or not settings.on_loopback:
        return board, [f"have to sign in, and there is no owner yet. The first account is made here, once: {link}"]
    token = operator_token.read(settings.data) if shown else None
    return board + (f"#token={token}" if token else ""), [f"need not sign in until there is an owner: {link}"]


def _answer(settings: Settings, addresses: Addresses, ready_s: float) -> dict[str, Any]:
    from vapora.llm.catalogue import installed
    from vapora.llm.factory import is_rehearsal

    return {
        "board": addresses.board,
        "api": addresses.api,
        "api_docs": addresses.api_docs,
        "dashboard": addresses.dashboard,
        "mode": "rehearsal" if is_rehearsal(os.environ, settings.model, installed(settings)) else "real",
        "data": str(settings.data),
        "operator_token": str(settings.data / operator_token.NAME),
        "setup_token": _setup_token(settings),
        "ready_s": round(ready_s, 2),
    }


def _setup_token(settings: Settings) -> str | None:
    """Where the one-time token for the first owner is; None once there is one."""
    from vapora.identity import setup_token

    place = settings.people_folder / setup_token.NAME
    return str(place) if place.exists() else None
