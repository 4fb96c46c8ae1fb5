"""Signing in with a provider of OpenID Connect: there, back again, and the tokens."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from vapora.api.hosts import public_base
from vapora.api.people_context import AllPeople, UnknownOrigin
from vapora.commands import RedeemSignIn
from vapora.errors import VaporaError
from vapora.views import SessionTokens

router = APIRouter(prefix="/auth/openid", tags=["people"])

_COOKIE = "vapora_openid"
_COOKIE_S = 600
# Where the page that shows the form is.
_PAGE = "/sign-in"

Token = Annotated[str, Query(max_length=200, description="The token of the invitation's link, for a new account.")]
FromProvider = Annotated[str, Query(max_length=4_096, description="What the provider sends the browser back with.")]


@router.get("/start", include_in_schema=False)
async def start_openid(request: Request, people: AllPeople, invitation: Token = "") -> Response:
    """For a browser. It comes back to /auth/openid/callback, and from there to the sign-in page with a code."""
    base = public_base(request)
    started = await people.identity.openid_start(f"{base}{_callback(request)}", invitation)
    answer = RedirectResponse(started.address, 303)
    answer.set_cookie(
        _COOKIE,
        started.browser,
        max_age=_COOKIE_S,
        path=_callback(request),
        secure=base.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return _private(answer)


@router.get("/callback", include_in_schema=False)
async def finish_openid(
    request: Request,
    people: AllPeople,
    origin: UnknownOrigin,
    state: FromProvider = "",
    code: FromProvider = "",
    error: FromProvider = "",
) -> Response:
    """For a browser, which is sent on to the sign-in page: with `#code=`, which /auth/openid/redeem exchanges for the
    tokens, or with `#error=` and a sentence."""
    browser = request.cookies.get(_COOKIE, "")
    if error or not code:
        part = "error=" + quote("The provider did not let you in.")
    else:
        try:
            part = "code=" + await people.identity.openid_come_back(origin, state, browser, code)
        except VaporaError as refused:
            part = "error=" + quote(str(refused))
    answer = RedirectResponse(f"{_PAGE}#{part}", 303)
    answer.delete_cookie(_COOKIE, path=_callback(request))
    return _private(answer)


@router.post("/redeem", summary="Get the tokens after coming back from the provider")
async def redeem_sign_in(body: RedeemSignIn, people: AllPeople) -> SessionTokens:
    """Once, and within a minute."""
    return await people.identity.openid_redeem(body.code.get_secret_value())


def _callback(request: Request) -> str:
    return request.url.path.rpartition("/")[0] + "/callback"


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
