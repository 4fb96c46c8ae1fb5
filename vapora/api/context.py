"""What a request carries beside its body: the workspace, who asks, how new an answer must be, and its key."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field

from events.ids import DEFAULT_WORKSPACE, LONGEST_WORKSPACE, WORKSPACE_PATTERN
from vapora.api.caller import AskedBy, Caller
from vapora.api.cells import Cell, Cells
from vapora.api.etags import Condition
from vapora.api.forms import WHOLE, Position
from vapora.api.gate import LetIn
from vapora.api.people import People
from vapora.api.readable_projects import over_readable
from vapora.api.uploads import is_upload
from vapora.commands import Command
from vapora.errors import BadInputError
from vapora.ports import IfMatch, Origin, RequestKey
from vapora.views import Accepted

_PRINTABLE = "^[ -~]*$"


async def _cell(
    request: Request,
    caller: AskedBy,
    vapora_workspace: Annotated[
        str,
        Header(
            alias="Vapora-Workspace",
            description="The workspace that is spoken to.",
            pattern=WORKSPACE_PATTERN,
            max_length=LONGEST_WORKSPACE,
        ),
    ] = DEFAULT_WORKSPACE,
) -> Cell:
    people: People = request.app.state.people
    await people.require_reach(caller, vapora_workspace)
    cells: Cells = request.app.state.cells
    return await cells.open(vapora_workspace)


OpenCell = Annotated[Cell, Depends(_cell)]


async def _fresh(
    request: Request,
    cell: OpenCell,
    admitted: LetIn,
    after: Annotated[
        Position | None,
        Query(
            description="A position, as a write answered it: the answer waits up to 5 s until it includes that.",
        ),
    ] = None,
) -> Cell:
    if after:
        await cell.wait_for(after)
    return await over_readable(admitted, cell) if request.method in ("GET", "HEAD") else cell


# The cell, with read models that have passed what the caller has seen, and without what they may not read.
FreshCell = Annotated[Cell, Depends(_fresh)]


async def _searched(
    cell: FreshCell,
    after: Annotated[Position | None, Query(include_in_schema=False)] = None,
) -> Cell:
    if after:
        await cell.wait_for_search(after)
    return cell


# The cell, with a search index that has passed what the caller has seen, as well.
SearchedCell = Annotated[Cell, Depends(_searched)]


async def _origin(
    request: Request,
    cell: OpenCell,
    caller: AskedBy,
    x_correlation_id: Annotated[
        str | None,
        Header(
            alias="X-Correlation-Id",
            description="Stands on every event that follows, and on the answer; made if absent.",
            max_length=128,
            json_schema_extra={"minLength": 1, "pattern": _PRINTABLE},
        ),
    ] = None,
) -> Origin:
    # Read and checked by the outermost middleware, which puts it on the answer too.
    return Origin(cell.workspace, caller.name, request.state.correlation)


WriteOrigin = Annotated[Origin, Depends(_origin)]


def _route(request: Request) -> str:
    # The path with its ids: the same key for another card is another request.
    return f"{request.method} {request.url.path}"


async def _key_header(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="The same key, route and body within 24 h give the same answer and take effect once.",
            json_schema_extra={"minLength": 1, "maxLength": 255, "pattern": _PRINTABLE},
        ),
    ] = None,
) -> str | None:
    if idempotency_key is None:
        return None
    if not (1 <= len(idempotency_key) <= 255 and idempotency_key.isascii() and idempotency_key.isprintable()):
        raise BadInputError(
            "The header Idempotency-Key takes 1 to 255 printable ASCII characters.",
            field="Idempotency-Key",
            where="header",
        )
    return idempotency_key


KeyHeader = Annotated[str | None, Depends(_key_header)]


async def _key(request: Request, caller: AskedBy, key: KeyHeader) -> RequestKey | None:
    if key is None:
        return None
    # A file is not held in memory: whoever takes it in says what tells it from another (`UploadKey`).
    body = b"" if is_upload(request.scope) else await request.body()
    return request_key(request, caller, key, body)


PostKey = Annotated[RequestKey | None, Depends(_key)]


def request_key(request: Request, caller: Caller, key: str, body: bytes) -> RequestKey:
    """`body`: what the request says, or for one that is too large to be held, what tells it from another."""
    return RequestKey(user=caller.name, route=_route(request), key=key, body=body)


class UploadKey:
    """The Idempotency-Key of a request whose body is a file: two are the same where name and content are."""

    def __init__(self, request: Request, caller: AskedBy, key: KeyHeader) -> None:
        self._request = request
        self._caller = caller
        self._key = key

    def of(self, name: str, digest: str) -> RequestKey | None:
        if self._key is None:
            return None
        return request_key(self._request, self._caller, self._key, f"{digest} {name}".encode())


FileKey = Annotated[UploadKey, Depends(UploadKey)]


_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="operator",
    description="The text of the file operator_token in the data folder of the server.",
)


class Operator:
    """Whether who asks may have commands run. While nobody has to sign in that takes the operator's token, whatever the
    policies say; else the policies decide."""

    def __init__(
        self,
        request: Request,
        admitted: LetIn,
        declared: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> None:
        self._admitted = admitted
        self._require = request.app.state.require_operator
        self._given = request.headers.get("Authorization")

    def require_token(self) -> None:
        """Of everybody while nobody has to sign in. Raises `OperatorOnlyError`."""
        if self._admitted.principal.kind == "Local":
            self._require(self._given)

    async def require(self, aspect: str = "commands") -> None:
        """For some of what a route does: `edit_project:commands`. Raises `OperatorOnlyError` or `ForbiddenError`."""
        self.require_token()
        await self._admitted.require(aspect)


# For what some requests of a route need, depending on what they ask for.
MaybeOperator = Annotated[Operator, Depends(Operator)]


async def _operator(operator: MaybeOperator) -> None:
    operator.require_token()


# For routes that take the operator's token while nobody has to sign in: it stands among their dependencies.
OPERATOR_ONLY = Depends(_operator)


class Writer:
    """Carries out a request's command, and says on the answer where it stands in the log."""

    if_match: IfMatch | None = None

    def __init__(self, response: Response, cell: OpenCell, origin: WriteOrigin, key: PostKey) -> None:
        self.cell = cell
        self.origin = origin
        self.key = key
        self._response = response

    async def dispatch(self, command: Command, target: str = "", key: RequestKey | None = None) -> Accepted:
        """Under the request's key, whether the route names it or not."""
        key = key or self.key
        accepted = await self.cell.dispatcher.dispatch(self.origin, command, target, key, self.if_match)
        self.wrote(accepted.position)
        return accepted

    async def answered(self, key: RequestKey | None = None) -> Accepted | None:
        """The answer that this very request was given before."""
        key = key or self.key
        accepted = None if key is None else await self.cell.dispatcher.answered(key)
        if accepted is not None:
            self.wrote(accepted.position)
        return accepted

    def wrote(self, position: int) -> None:
        self._response.headers["Vapora-Position"] = str(position)


Writing = Annotated[Writer, Depends(Writer)]


class Keyless(Writer):
    """For a write whose body is a secret: the digest of it that goes with a key must not stand in the log."""

    def __init__(self, response: Response, cell: OpenCell, origin: WriteOrigin) -> None:
        super().__init__(response, cell, origin, None)


KeylessWriting = Annotated[Keyless, Depends(Keyless)]


class Editor(Writer):
    """For what changes or removes a thing that GET shows; with If-Match, only while it is as the caller has seen it."""

    def __init__(
        self, response: Response, cell: OpenCell, origin: WriteOrigin, key: PostKey, if_match: Condition
    ) -> None:
        super().__init__(response, cell, origin, key)
        self.if_match = if_match


Editing = Annotated[Editor, Depends(Editor)]

# For a list: how many, and where it goes on. One that stays small shows all of it if nothing else is said.
Limit = Annotated[int, Field(ge=1, le=500), WHOLE, Query(description="How many items at most.")]
Cursor = Annotated[str | None, Query(max_length=1_000, description="`next` of the page before.")]
