"""KCL, run in this process: files in, plain values out, and errors with file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vapora.errors import ConfigurationError

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run(files: Sequence[Path], root: Path, **options: Any) -> dict[str, Any]:
    """The values that `files` define; `root` is the folder of `kcl.mod`, from which they import.

    `options` is what `option("name")` finds in them. Raises `ConfigurationError` with KCL's own words: which rule was
    broken, in which file and line.
    """
    try:
        from kcl_lib import api
    except ImportError as error:
        raise ConfigurationError("KCL is missing: install vapora[platform,deploy].") from error
    arguments = [api.Argument(name=name, value=json.dumps(value)) for name, value in sorted(options.items())]
    try:
        result = api.API().exec_program(
            api.ExecProgramArgs(
                work_dir=str(root.resolve()),
                k_filename_list=[str(one.resolve()) for one in files],
                args=arguments,
                disable_none=True,
            )
        )
    except Exception as error:  # kcl_lib has no class of its own for what is wrong in a file
        raise ConfigurationError(_plain(str(error), root)) from error
    if result.err_message:
        raise ConfigurationError(_plain(result.err_message, root))
    values = json.loads(result.json_result)
    if not isinstance(values, dict):
        raise ConfigurationError(f"{', '.join(map(str, files))} defines no values.")
    return values


def _plain(message: str, root: Path) -> str:
    """KCL's words, each finding once, with paths from `root` on."""
    text = _COLOUR.sub("", message).replace(f"{root.resolve()}/", "")
    findings = dict.fromkeys(one.strip() for one in text.split("\n\n\n"))
    return "\n\n".join(one for one in findings if one)
