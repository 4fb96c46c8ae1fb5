"""How a browser that `vapora up --open` has opened comes to the operator's token."""

from __future__ import annotations

import time

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from vapora.commands import RedeemCode
from vapora.views import OperatorToken

router = APIRouter(prefix="/operator", tags=["system"])


@router.post("/redeem", summary="Exchange a code for the operator's token")
async def redeem_code(body: RedeemCode, request: Request, response: Response) -> OperatorToken:
    """Once, within a minute of the start that made the code. From this machine alone, as everything while nobody has to
    sign in."""
    token = await to_thread.run_sync(request.app.state.redeem, body.code, time.time())
    response.headers["Cache-Control"] = "no-store"
    return OperatorToken(token=token)
