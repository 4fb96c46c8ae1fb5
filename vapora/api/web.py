"""The board in the browser: one page app, built at installation, served from this machine alone."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUILT = Path(__file__).parent.parent / "web" / "dist"

# Every page is the same file; the script in it reads the address.
PAGES = (
    "/",
    "/p/{project}",
    "/p/{project}/dashboard",
    "/dashboard",
    "/t/{task}",
    "/agents",
    "/agents/{agent}",
    "/budgets",
    "/costs",
    "/log",
    "/workflows",
    "/workflows/new",
    "/workflows/edit/{workflow}",
    "/workflows/runs",
    "/workflows/runs/{run}",
    "/workflows/approvals",
    "/workflows/schedules",
    "/plans",
    "/plans/{plan}",
    "/knowledge",
    "/knowledge/{part}",
    "/search",
    "/documents",
    "/documents/{document}",
    "/marketplace",
    "/tools",
    "/settings",
    "/settings/{part}",
    "/sign-in",
    "/setup",
    "/accept",
)

# Nothing is loaded from elsewhere, and nothing that stands in a title or an answer can run.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}
_FOREVER = "public, max-age=31536000, immutable"


class _Assets(StaticFiles):
    """Files whose names change with their content: a browser need not ask for them again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers.update(HEADERS)
        if answer.status_code in (200, 304):
            answer.headers["Cache-Control"] = _FOREVER
        return answer


def is_built(folder: Path = BUILT) -> bool:
    return (folder / "index.html").is_file()


def install(app: FastAPI, folder: Path = BUILT) -> None:
    """Serve the built pages. `folder` must hold `index.html` and `assets/`."""
    index = folder / "index.html"
    router = APIRouter(include_in_schema=False)

    async def page() -> FileResponse:
        # Asked for each time, by its ETag: it names the assets of this very version.
        return FileResponse(index, headers={**HEADERS, "Cache-Control": "no-cache"})

    for path in PAGES:
        router.add_api_route(path, page, methods=["GET", "HEAD"])
    app.include_router(router)
    app.mount("/assets", _Assets(directory=folder / "assets"), name="assets")
