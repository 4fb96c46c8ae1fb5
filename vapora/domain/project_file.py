"""`.vapora/project.toml`: what a repository says about the work in it.

It is text of a repository, so it only proposes: its commands run once a person accepted just this text. What it cannot
say at all are the sandbox, where work lands by itself, which files are copied, and who may see the project.
"""

from __future__ import annotations

import tomllib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vapora.commands import BranchName, ProjectCheck, ShellLine
from vapora.errors import BadInputError

PATH = ".vapora/project.toml"
MOST_BYTES = 64 * 1024
_MOST_PROBLEMS = 3


class ProjectFile(BaseModel):
    """None: the file does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_branch: BranchName | None = None
    setup: Annotated[tuple[ShellLine, ...], Field(max_length=50)] | None = None
    checks: Annotated[tuple[ProjectCheck, ...], Field(max_length=50)] | None = None


def parse(text: str) -> ProjectFile:
    """Raises `BadInputError` with what is wrong with it."""
    try:
        return ProjectFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{PATH} is not TOML: {error}.", remedy="Correct it in the repository.") from error
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_PROBLEMS]
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems)
        raise BadInputError(
            f"{PATH} cannot be used: {told}.",
            remedy=f"It may hold {', '.join(ProjectFile.model_fields)}. Correct it in the repository.",
        ) from error
