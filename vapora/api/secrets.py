"""Secrets of the workspace: they are written, replaced and deleted here, and never read."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path

from events.ids import LONGEST_SECRET_NAME, SECRET_PATTERN
from projections import secrets as model
from vapora.api.context import OPERATOR_ONLY, Cursor, FreshCell, KeylessWriting, Limit, PostKey, Writing
from vapora.api.pages import page_of
from vapora.commands import StoreSecret
from vapora.dispatch.secrets import rotated
from vapora.errors import BehindError, NotFoundError
from vapora.views import Page, Secret, SecretDeleted, SecretsRotated

router = APIRouter(prefix="/secrets", tags=["secrets"], dependencies=[OPERATOR_ONLY])

SecretName = Annotated[
    str,
    Path(
        description="The secret's name: small letters and digits, with hyphens or dots between them.",
        examples=["anthropic-api-key"],
        pattern=SECRET_PATTERN,
        max_length=LONGEST_SECRET_NAME,
    ),
]


@router.get("", summary="List the secrets")
async def list_secrets(cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[Secret]:
    """By name, without their values: nothing ever shows those."""
    return page_of(await cell.read(model.secrets), lambda one: one.name, limit, cursor)


@router.get("/{name}", summary="Show a secret's version")
async def get_secret(name: SecretName, cell: FreshCell) -> Secret:
    """Not its value: nothing ever shows that."""
    found = await cell.read(lambda rows: model.secret_of(rows, name))
    if found is None:
        raise NotFoundError(f"There is no secret '{name}'.", remedy="Check the name: GET /secrets lists them.")
    return found


@router.put("/{name}", summary="Store a secret")
async def store_secret(name: SecretName, body: StoreSecret, writing: KeylessWriting) -> Secret:
    """A new version of it, which is used from now on. Model providers are called with `<provider>-api-key`, git remotes
    with `git-<host>`; docs/secrets.md lists the names that VAPORA looks for."""
    stored, position = await writing.cell.secrets.put(writing.origin, name, body.value)
    writing.wrote(position)
    # If the read models stay behind, the value is stored all the same.
    with suppress(BehindError):
        await writing.cell.wait_for(position)
        found = await writing.cell.read(lambda rows: model.secret_of(rows, name))
        if found is not None and found.version == stored.version:
            return found
    return Secret(
        name=name,
        version=stored.version,
        updated_at=stored.updated_at,
        updated_by=writing.origin.actor,
        position=position,
    )


@router.delete("/{name}", summary="Delete a secret")
async def delete_secret(name: SecretName, writing: KeylessWriting) -> SecretDeleted:
    """All versions of it. What used it goes on without, or with what the installation has."""
    stored, position = await writing.cell.secrets.delete(writing.origin, name)
    writing.wrote(position)
    return SecretDeleted(name=name, version=stored.version, position=position)


@router.post("/rotate", summary="Replace the key of the secrets")
async def rotate_secrets(writing: Writing, key: PostKey) -> SecretsRotated:
    """The key that encrypts the workspace's secrets is replaced; values and versions stay, and nobody has to wait. In
    an OpenBao or Vault of one's own it is the server's key, for which VAPORA needs the right."""
    if (answered := await writing.answered(key)) is not None:
        done, position = rotated(answered.id), answered.position
    else:
        done, position = await writing.cell.secrets.rotate(writing.origin, key)
        writing.wrote(position)
    return SecretsRotated(key=done.key, secrets=done.secrets, position=position)
