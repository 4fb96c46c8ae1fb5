"""What a browser is told with every answer: nothing of it may be guessed, framed, kept or shown to another site."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# For what a route says nothing about: pages bring a Content-Security-Policy of their own.
DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    # For browsers that look at no policy, and for pages whose own one names no ancestors.
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# A year, for this name alone: what else stands below it is not ours to promise.
_HTTPS_ONLY = "max-age=31536000"


class BrowserHeaders:
    """Adds them where they are absent. What is under `prefix` is not kept by a browser, but for what it may ask for
    again by its ETag; what came over TLS, to us or (`https`) to a proxy in front,
    is asked for over TLS from then on."""

    def __init__(self, app: ASGIApp, prefix: str, https: bool = False) -> None:
        self._app = app
        self._https = https
        self._prefix = f"{prefix}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(scope, MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, told)

    def _add(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in DEFAULTS.items():
            headers.setdefault(name, value)
        if scope["path"].startswith(self._prefix):
            headers.setdefault("Cache-Control", "private, no-cache" if "ETag" in headers else "no-store")
        if self._https or scope["scheme"] == "https":
            headers.setdefault("Strict-Transport-Security", _HTTPS_ONLY)
