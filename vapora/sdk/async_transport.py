"""Requests and answers of the asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from asyncio import Lock, sleep
from collections.abc import AsyncIterator, Mapping
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel

from vapora import __version__, views
from vapora.errors import BadInputError
from vapora.sdk.async_pages import AsyncPages
from vapora.sdk.frames import Rows
from vapora.sdk.paths import PREFIX, address, bearer, headers, is_local, no_text, token_for
from vapora.sdk.problems import UNREADABLE, ApiError, NoAnswerError, of_another_version, problem, unreadable
from vapora.sdk.retries import PAUSES, RETRIES, again_after, away, key_for, may_be_sent_again
from vapora.sdk.session import InMemory, Kept, Password, Session
from vapora.sdk.tls import context_for

Shape = TypeVar("Shape", bound=BaseModel)


class AsyncTransport:
    """The connection to one server, for one workspace."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        workspace: str = "default",
        timeout: float = 30.0,
        page_size: int = 500,
        *,
        retries: int = RETRIES,
        email: str | None = None,
        password: str | None = None,
        session: Session | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        """`url`: None: what VAPORA_URL names, else this machine's; a token for that server is then looked for in
        VAPORA_TOKEN. `timeout`: seconds for one answer. `page_size`: how many items of a list are asked for at a time.
        `retries`: how often a request is sent again where that is safe: nobody answered, the connection broke, or the
        server says 502, 503, or 429 for a few seconds. Every POST goes under an Idempotency-Key, so that it takes
        effect once. What was not answered in time is not sent again.

        Who asks: `token`, of a program or the operator's; or `email` and `password`, with which the client signs in at
        its first request and again when its session has ended; or a `session` that is kept elsewhere. Access tokens
        are renewed before they expire. `tls`: whose certificates are trusted, instead of those that `SSL_CERT_FILE` or
        `SSL_CERT_DIR` name, or that come with certifi. Raises `BadInputError` for more than one of them."""
        if (email is None) is not (password is None) or sum(map(bool, (token, email, session))) > 1:
            raise BadInputError(
                "A client signs in in one way.", remedy="Give token=, or email= and password=, or session=."
            )
        if not (token or email or session):
            token = token_for(url)
        self.url = address(url)
        self.workspace = workspace
        self._token = token
        self._password = None if email is None or password is None else Password(email, password)
        self._session: Session | None = InMemory() if self._password else session
        self._renewing = Lock()
        self._timeout = timeout
        self._page_size = page_size
        self._retries = retries
        self._given_tls = tls
        self._headers = headers(token, workspace)
        self._tls = context_for(self.url, tls)
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=self._headers,
            timeout=timeout,
            trust_env=not is_local(self.url),
            verify=self._tls or True,
        )

    def __repr__(self) -> str:
        # Not who asks: a token is nobody's business.
        return f"{type(self).__name__}({self.url!r}, workspace={self.workspace!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """With its token or session: whoever reads the pickle may do what the client may do."""
        if self._given_tls is not None:
            raise TypeError("A client with tls= cannot be pickled: name the certificates in SSL_CERT_FILE instead.")
        password = self._password
        who = {"email": password.email, "password": password.password} if password else {"session": self._session}
        said = {"retries": self._retries, **who}
        plain = (self.url, self._token, self.workspace, self._timeout, self._page_size)
        return _remade, (type(self), plain, said)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    def _items(
        self, path: str, shape: type[Shape], query: Mapping[str, Any], limit: int | None = None, cursor: str = "cursor"
    ) -> AsyncPages[Shape]:
        """Every item of a list, over as many pages as there are."""
        return AsyncPages(self._leafed(path, shape, query, limit, cursor))

    async def _leafed(
        self, path: str, shape: type[Shape], query: Mapping[str, Any], limit: int | None, cursor: str
    ) -> AsyncIterator[Shape]:
        asked = {name: value for name, value in query.items() if value is not None}
        left = limit
        while left is None or left > 0:
            asked["limit"] = self._page_size if left is None else min(left, self._page_size)
            page = await self._get(path, views.Page[shape], asked)  # type: ignore[valid-type]
            for item in page.items[:left]:
                yield item
            left = None if left is None else left - len(page.items)
            # An empty page may have a next one: there was much to look through.
            if page.next is None:
                return
            asked[cursor] = page.next

    async def _all(self, path: str, shape: type[Shape], query: Mapping[str, Any]) -> Rows[Shape]:
        return await self._items(path, shape, query).all()

    async def _get(self, path: str, shape: type[Shape], query: Mapping[str, Any]) -> Shape:
        asked = {name: value for name, value in query.items() if value is not None}
        return await self._parse(await self._send("GET", path, params=asked), shape)

    async def _text(self, path: str, prefix: str = PREFIX, query: Mapping[str, Any] | None = None) -> str:
        answer = await self._send("GET", path, prefix, params=dict(query or {}))
        if answer.is_error:
            raise await self._explained(problem(answer.status_code, answer.content))
        return answer.content.decode()

    async def _bytes(self, path: str, query: Mapping[str, Any]) -> bytes:
        asked = {name: value for name, value in query.items() if value is not None}
        answer = await self._send("GET", path, params=asked)
        if answer.is_error:
            raise await self._explained(problem(answer.status_code, answer.content))
        return answer.content

    async def _ask(
        self,
        method: str,
        path: str,
        shape: type[Shape],
        body: BaseModel | Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Shape:
        return await self._parse(await self._send_body(method, path, body, key), shape)

    async def _write(self, method: str, path: str, body: BaseModel | Mapping[str, Any] | None = None) -> int:
        answer = await self._send_body(method, path, body)
        if answer.is_error:
            raise await self._explained(problem(answer.status_code, answer.content))
        return int(answer.headers.get("Vapora-Position") or answer.json()["position"])

    async def _send_body(
        self, method: str, path: str, body: BaseModel | Mapping[str, Any] | None, key: str | None = None
    ) -> httpx.Response:
        # Only what was said: the server fills in the defaults, so they stand in one place.
        content = (
            body.model_dump(mode="json", by_alias=True, exclude_unset=True) if isinstance(body, BaseModel) else body
        )
        return await self._send(
            method, path, json=None if content is None else dict(content), headers=key_for(method, path, key)
        )

    async def _send(self, method: str, path: str, prefix: str = PREFIX, **options: Any) -> httpx.Response:
        if self._session is None:
            return await self._request(method, f"{prefix}{path}", **options)
        given = options.pop("headers", {})
        token = await self._access_token()
        answer = await self._request(method, f"{prefix}{path}", headers=given | bearer(token), **options)
        if answer.status_code == 401:
            # Nothing was done. The session may have ended early, or the clock here may be slow.
            token = await self._access_token(refused=token)
            answer = await self._request(method, f"{prefix}{path}", headers=given | bearer(token), **options)
        return answer

    async def _request(self, method: str, address: str, **options: Any) -> httpx.Response:
        """The answer; of several tries where the request may be sent again."""
        keyed = "Idempotency-Key" in options.get("headers", {})
        pauses, left = iter(PAUSES), self._retries
        while True:
            pause = next(pauses)
            try:
                answer = await self._http.request(method, address, **options)
            except UnicodeEncodeError as error:
                raise no_text(error) from None
            except httpx.InvalidURL as error:
                raise away(self.url, error) from error
            except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
                raise NoAnswerError(
                    f"{self.url} did not answer {method} {address} within {self._timeout:g} s.",
                    remedy="Look whether it took effect. Client(timeout=…) waits longer.",
                    url=self.url,
                ) from error
            except httpx.TransportError as error:
                if left == 0 or not may_be_sent_again(error, method, keyed):
                    raise away(self.url, error) from error
            else:
                wanted = again_after(answer, method, keyed, pause)
                if left == 0 or wanted is None:
                    return answer
                pause = wanted
            left -= 1
            await sleep(pause)

    async def _access_token(self, refused: str | None = None) -> str | None:
        """One that is good for a while yet, and is not the one that the server has just refused."""
        session = self._session
        if session is None:
            return self._token
        if (kept := session.read()) is not None and kept.is_good and kept.access_token != refused:
            return kept.access_token
        async with self._renewing:
            return await self._renew(session, refused)

    async def _renew(self, session: Session, refused: str | None) -> str:
        with session.exclusive():
            # Another one, of this process or another, may have done it meanwhile.
            kept = session.read()
            if kept is not None and kept.is_good and kept.access_token != refused:
                return kept.access_token
            answer = None
            if kept is not None:
                body = {"refresh_token": kept.refresh_token}
                answer = await self._request("POST", f"{PREFIX}/auth/refresh", json=body)
            is_over = answer is None or answer.status_code == 401
            if is_over and self._password is not None:
                answer = await self._request("POST", f"{PREFIX}/auth/login", json=self._password.body())
            elif is_over:
                session.write(None)
            if answer is None:
                raise BadInputError("Nobody is signed in.", remedy="Sign in with `log_in`, or `vapora login`.")
            tokens = await self._parse(answer, views.SessionTokens)
            session.write(Kept.of(tokens))
            return tokens.access_token

    async def _parse(self, answer: httpx.Response, shape: type[Shape]) -> Shape:
        if answer.is_error:
            raise await self._explained(problem(answer.status_code, answer.content))
        try:
            return shape.model_validate_json(answer.content, extra="ignore")
        except ValueError as error:
            raise await self._explained(unreadable(answer.status_code, str(answer.url), error)) from error

    async def _explained(self, error: ApiError) -> ApiError:
        """Where what the server says may come of its being older or newer: the same, with both versions."""
        if error.type != UNREADABLE and not error.is_unknown_there:
            return error
        try:
            there = views.Health.model_validate_json((await self._http.get("/health")).content, extra="ignore").version
        except (httpx.HTTPError, ValueError):
            # It is something else than VAPORA, or gone meanwhile: the error itself says what there is to say.
            return error
        return of_another_version(error, there, __version__)


def _remade(kind: type[AsyncTransport], plain: tuple[Any, ...], said: dict[str, Any]) -> AsyncTransport:
    return kind(*plain, **said)
