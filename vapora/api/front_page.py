"""The page at `/`: what this is, and where to go from here. Static, without a script, and nothing from outside."""

from __future__ import annotations

from html import escape

from fastapi import FastAPI
from starlette.responses import HTMLResponse

# The address of nothing but itself: no script, no frame, no form, no image.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def install(app: FastAPI) -> None:
    """`GET /`, unless something better is there already: routes that were added before come first."""

    async def front_page() -> HTMLResponse:
        text = page(app.version, rehearsal=app.state.rehearsal)
        return HTMLResponse(text, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})

    app.add_api_route("/", front_page, include_in_schema=False)


def page(version: str, *, rehearsal: bool) -> str:
    """The whole page. Links are relative, so that it also works behind a tunnel."""
    return _PAGE.format(style=_STYLE, version=escape(version), rehearsal=_REHEARSAL if rehearsal else "")


_STYLE = """body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#1b1f24;
background:#fff}code,pre{font-family:ui-monospace,monospace;background:#f3f4f6;border-radius:4px}code{padding:.1em .3em}
pre{padding:.8rem 1rem;overflow-x:auto}a{color:#0b57d0}.note{border-left:4px solid #b7791f;padding-left:1rem}
@media (prefers-color-scheme:dark){body{color:#e6e8eb;background:#14171a}code,pre{background:#22272c}
a{color:#8ab4f8}}"""
_REHEARSAL = """<p class="note"><strong>Rehearsal.</strong> No real model answers, and all money shown is simulated. For
real work set one of <code>ANTHROPIC_API_KEY</code>, <code>OPENAI_API_KEY</code>, <code>GEMINI_API_KEY</code> or
<code>OLLAMA_HOST</code>, and start again.</p>
"""
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>VAPORA</title><style>{style}</style></head>
<body>
<h1>VAPORA</h1>
<p>A team of AI agents that works from a Kanban board, within its budget. It is running here, version {version}.</p>
{rehearsal}<h2>Where to go</h2>
<ul>
<li><a href="docs">API documentation</a>, and the same <a href="openapi.json">for programs</a></li>
<li><a href="health">Health</a>: whether everything is well, and which model providers answer</li>
<li><a href="api/v1/board">The board</a> as JSON, <a href="api/v1/agents">agents</a>,
<a href="api/v1/budgets">budgets</a>, <a href="metrics">metrics</a></li>
</ul>
<h2>From the command line</h2>
<pre>vapora projects add Shortleaf
vapora task add "Implement the slug generator" --role developer --review none
vapora board
vapora task why TASK
vapora budget</pre>
<p>In a virtual environment the command is <code>.venv/bin/vapora</code>; <code>vapora --help</code> lists all.</p>
</body>
</html>
"""
