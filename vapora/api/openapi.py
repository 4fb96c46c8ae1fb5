"""The API's description, and a page of it that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import compile_path

from vapora.api import field_texts
from vapora.api.gate import enforce
from vapora.api.problems import MEDIA_TYPE, Problem
from vapora.catalog import roles, task_types
from vapora.views import Frame, LiveRequest

TAGS = [
    {"name": "projects", "description": "What the work is about."},
    {"name": "tasks", "description": "Handing work in, following it, judging it."},
    {"name": "work", "description": "What stands on a task's branch: looking at it, judging it, landing it."},
    {"name": "knowledge", "description": "What was done before, what was learned of it, and what hangs together."},
    {"name": "plans", "description": "From a goal to cards: proposed by an agent, accepted by a person."},
    {
        "name": "search",
        "description": "Tasks, runs, documents, comments and code, found by words or by what they are about.",
    },
    {"name": "board", "description": "All cards in their columns, today or in the past."},
    {"name": "runs", "description": "Each attempt at a task, and what it left behind."},
    {"name": "agents", "description": "Who works here, and what each has learned."},
    {"name": "budgets", "description": "What may be spent, and what is spent."},
    {"name": "costs", "description": "What was spent on what."},
    {"name": "queue", "description": "What waits to be taken, and what could not be given out."},
    {"name": "events", "description": "The log: everything that happened, in order."},
    {"name": "audit", "description": "Who did what to what, when, and why."},
    {"name": "catalogue", "description": "The roles and the types of task."},
    {"name": "workflows", "description": "Stages that follow each other, their runs, and what they ask people."},
    {"name": "marketplace", "description": "Packages of agents, tools and workflows."},
    {"name": "schedules", "description": "What the clock begins, and what came of it."},
    {"name": "documents", "description": "Texts with versions, and how finished work gets into them."},
    {"name": "trackers", "description": "GitHub and Jira, whose issues are kept in step with cards."},
    {"name": "channels", "description": "By which people are told, and what came of it."},
    {"name": "tools", "description": "Servers of tools, what they have, and who gets it."},
    {"name": "webhooks", "description": "Where events are sent to, and what came of it."},
    {"name": "settings", "description": "What is set for the workspace, and what a person prefers."},
    {"name": "policies", "description": "Who may do what."},
    {"name": "secrets", "description": "Keys and logins of the workspace: written and replaced, never read."},
    {"name": "people", "description": "Signing in and out, and the people of the installation."},
    {"name": "system", "description": "For operators and probes."},
]
DESCRIPTION = """Everything that happens is an event in a log, and every write answers with its `position` there.
A GET with `after=<position>` waits, 5 seconds at most, until its answer includes it.

`WS /api/v1/live` takes a first frame `LiveRequest`, `{token?, workspace?, after?, heartbeat_s?}`, and sends one
`Frame`, `{position, rows: [{view, key, operation, row}]}`, for each position that changed something: `row` is what
GET shows, `key` names it among those of its view, and `operation` is `put`, or `remove` where it is gone. With
`heartbeat_s` a `Frame` without rows comes every so many seconds: a client that misses two connects again. A socket
that lags may get several positions in one frame: each changed row once, in its latest state. Connect again with the
last position you have: you get the latest state of each row that has changed since. Code 1013 means: connect again
like that. Code 1008: the request was wrong, and the reason says how. Instead of a first frame the address may name
them: `?after=<position>&workspace=<id>`.

A list answers `{"items": […], "next": cursor or null}` and takes `limit` (500 at most) and `cursor`, which is `next` of
the page before, with the same filters; where more than one order makes sense, `sort=name`, or `sort=-name` backwards.
Every write takes an `Idempotency-Key`. What can be edited is answered with an `ETag`: `If-None-Match` spares
the answer where it is the same (304), `If-Match` makes a change only if nobody has edited the thing since (else 412).
Where limits are set, answers carry `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds), and what
is too much is answered with 429 and `Retry-After`.

Errors are RFC 9457 problems with a stable `type` and a `remedy`."""

# They need the operator's token for some of what can be asked for.
_SOMETIMES_OPERATOR = (
    *("create_project", "edit_project"),
    *("install_package", "upgrade_package", "configure_package"),
)
_METHODS = ("get", "post", "put", "patch", "delete")
_MEANINGS = {
    400: "The body is not JSON",
    401: "Nobody has signed in, or only the operator may do this",
    403: "Not from this machine",
    404: "There is no such thing",
    409: "It cannot be done in the present state",
    412: "It has changed since it was read (If-Match)",
    413: "The body is too large",
    415: "The body is not declared as JSON",
    422: "The request cannot be taken as it is",
    429: "Too many requests; Retry-After says when to come again",
    500: "Something broke on our side",
    503: "A part of the system does not answer",
    504: "The read models have not reached `after`",
}


def install(app: FastAPI) -> None:
    """`/openapi.json` as described here, and `/docs`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]

    async def docs() -> HTMLResponse:
        return HTMLResponse(
            page(app.openapi()),
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"},
        )

    async def document() -> JSONResponse:
        return JSONResponse(app.openapi())

    for path, route, name in (("/docs", docs, "get_docs"), ("/openapi.json", document, "get_openapi")):
        app.add_api_route(path, route, name=name, include_in_schema=False, dependencies=[Depends(enforce)])


def allowed(app: FastAPI, path: str) -> str:
    """The methods that a path takes, for the header Allow: the router itself knows only those of the first match."""
    templates = app.openapi()["paths"].items()
    found = {method for template, item in templates if compile_path(template)[0].match(path) for method in item}
    if not found:  # a page that the document does not describe
        found = {"get"}
    return ", ".join(sorted(method.upper() for method in found if method in _METHODS))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of all that the document describes."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=TAGS,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _add(schemas, Problem, "validation")
    # A document of HTTP has no place for what a socket carries, but for its shapes.
    _add(schemas, LiveRequest, "validation")
    _add(schemas, Frame, "serialization")
    _name_values(schemas)
    field_texts.describe(document)
    for path, method, operation in operations(document):
        responses = operation["responses"]
        responses.pop("422", None)
        for status in _problems(path, method, operation):
            responses.setdefault(str(status), _problem_response(status))
        if path.startswith("/api/") and method != "get":
            _document_position(responses)
        if any(one["name"] == "If-None-Match" for one in operation.get("parameters", ())):
            _document_etag(responses)
        if operation["operationId"] in _SOMETIMES_OPERATOR:
            operation["security"] = [{}, *operation["security"]]
    return document


def _add(schemas: dict[str, Any], model: type[BaseModel], mode: JsonSchemaMode) -> None:
    """A shape with all that it is made of, but for what the routes have brought."""
    made = model.model_json_schema(ref_template="#/components/schemas/{model}", mode=mode)
    for name, schema in made.pop("$defs", {}).items():
        schemas.setdefault(name, schema)
    schemas[model.__name__] = made


def _name_values(schemas: dict[str, Any]) -> None:
    """The roles and types of task that there are: commands do not know the catalogue."""
    for schema in ("SubmitTask", "RegisterAgent", "ReplaceAgent", "EditAgent"):
        fields = schemas[schema]["properties"]
        for field, values in (("role", roles()), ("task_type", task_types()), ("task_types", task_types())):
            for form in _forms(fields.get(field, {})):
                if form.get("type") == "string":
                    form["enum"] = sorted(values)


def _forms(field: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A field's schema with all that it is made of."""
    yield field
    for part in (*field.get("anyOf", ()), field.get("items", {})):
        if part:
            yield from _forms(part)


def _problems(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    """What can go wrong follows from what the operation takes: nobody has to remember to write it down."""
    yield 500
    if path == "/healthz":
        return
    yield 403
    if path != "/health":
        yield 401
    if not path.startswith("/api/"):
        return
    yield from (404, 422, 429, 503)
    if any(one["name"] == "If-Match" for one in operation.get("parameters", ())):
        yield 412
    if "requestBody" in operation:
        yield from (400, 413, 415)
    if method != "get":
        yield 409
    elif any(one["name"] == "after" for one in operation.get("parameters", ())) and not path.endswith("/events"):
        yield 504


def _problem_response(status: int) -> dict[str, Any]:
    return {
        "description": _MEANINGS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _document_position(responses: dict[str, Any]) -> None:
    header = {"description": "Where the write stands in the log.", "schema": {"type": "integer"}}
    for status, response in responses.items():
        if status.startswith("2"):
            response["headers"] = {"Vapora-Position": header}


def _document_etag(responses: dict[str, Any]) -> None:
    header = {"description": "For If-Match and If-None-Match.", "schema": {"type": "string"}}
    responses["200"]["headers"] = {"ETag": header}
    responses["304"] = {"description": "It is what If-None-Match says that you have", "headers": {"ETag": header}}


_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;
background:#fff}code,pre{font-family:ui-monospace,monospace}pre{white-space:pre-wrap}
summary{cursor:pointer;padding:.3rem 0}
.m{display:inline-block;width:4.5rem;font-weight:600}table{border-collapse:collapse;margin:.5rem 0}
td,th{border:1px solid #c8ccd1;padding:.2rem .6rem;text-align:left;vertical-align:top}
details>div{margin:0 0 1rem 1.5rem}
@media(prefers-color-scheme:dark){body{background:#14171a;color:#e6e8ea}td,th{border-color:#444}a{color:#8ab4f8}}"""


def page(document: dict[str, Any]) -> str:
    """The operations as one HTML page without scripts or anything to load."""
    info = document["info"]
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} API <small>{escape(info['version'])}</small></h1>"
        f"<pre>{escape(info.get('description', ''))}</pre><p><a href='/openapi.json'>openapi.json</a></p>"
    ]
    for tag in document.get("tags", ()):
        own = [one for one in operations(document) if tag["name"] in one[2].get("tags", ())]
        if own:
            parts.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
            parts += [_operation(*one) for one in own]
    return "\n".join(parts)


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = [
        (one["name"], one["in"] + (", required" if one.get("required") else ""), one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if body:
        rows.append((body.get("$ref", "").rpartition("/")[2] or "body", "body", "JSON"))
    answers = [(status, "answer", one["description"]) for status, one in sorted(operation["responses"].items())]
    cells = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows + answers)
    return (
        f"<details><summary><span class=m>{method.upper()}</span><code>{escape(path)}</code> "
        f"{escape(operation['summary'])}</summary><div><p>{escape(operation.get('description', ''))}</p>"
        f"<table>{cells}</table></div></details>"
    )
