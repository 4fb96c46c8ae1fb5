"""New files and folders of an archive: whole or not there (`vapora.durable`), and errors that say what to do."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from vapora import durable
from vapora.errors import ConflictError, LogError
from vapora.private_dirs import make_private
from vapora.translation import translated


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A place to write to; its content is at `path` once the block ends, and nowhere if it raises."""
    if path.exists():
        raise ConflictError(f"{path} exists already.", remedy="Name another file, or move that one away.")
    with translate_errors(path), durable.draft(path) as draft:
        yield draft
        durable.put(draft, path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """The same for a folder. One that is there and empty is taken."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConflictError(f"{path} exists already and is not empty.", remedy="Name another folder.")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with translate_errors(path), parents_for(path):
        try:
            draft.mkdir(mode=0o700)
            yield draft
            durable.sync_tree(draft)
            durable.put(draft, path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


@contextmanager
def parents_for(path: Path) -> Iterator[None]:
    """The folders that lead to it; those that this made are gone again if the block raises, unless they are used."""
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        make_private(path.parent)
        yield
    except BaseException:
        for folder in made:  # the innermost first
            try:
                folder.rmdir()
            except OSError:
                break
        raise


def translate_errors(path: Path) -> AbstractContextManager[None]:
    remedy = "Make room on the disk, and the folder writable for this user."
    return translated(OSError, lambda error: LogError(f"{path} cannot be written: {error}.", remedy=remedy))


def copy(source: Path, target: Path, mode: int = 0o600) -> None:
    make_private(target.parent)
    shutil.copyfile(source, target)
    target.chmod(mode)
