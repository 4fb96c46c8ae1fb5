"""Links and clicks, kept in one JSON file."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from shortleaf.links import Link, normalise
from shortleaf.slugs import LENGTH, slug_for
from shortleaf.stats import Click


class UnknownSlugError(LookupError):
    """There is no link with this slug."""


class Store:
    """Reads the file when it is made, and writes all of it at every change. `slug_length`: of new slugs."""

    def __init__(self, path: Path, slug_length: int = LENGTH) -> None:
        self._path = path
        self._slug_length = slug_length
        self._links: dict[str, Link] = {}
        self._clicks: list[Click] = []
        if path.exists():
            self._read()

    def add(self, target: str, now: datetime) -> Link:
        """A link to the target. Raises `TargetError`."""
        target = normalise(target)
        slug = self._free_slug(target)
        self._links[slug] = Link(slug=slug, target=target, created_at=now)
        self._write()
        return self._links[slug]

    def follow(self, slug: str, visitor: str, now: datetime) -> str:
        """The link's target; the click is counted. Raises `UnknownSlugError`."""
        link = self._get(slug)
        self._clicks.append(Click(slug, now, visitor))
        self._write()
        return link.target

    def links(self) -> list[Link]:
        return list(self._links.values())

    def clicks(self, slug: str) -> list[Click]:
        """Raises `UnknownSlugError`."""
        self._get(slug)
        return [click for click in self._clicks if click.slug == slug]

    def _free_slug(self, target: str) -> str:
        return slug_for(target, self._slug_length)

    def _get(self, slug: str) -> Link:
        try:
            return self._links[slug]
        except KeyError:
            raise UnknownSlugError(f"There is no link {slug!r}.") from None

    def _read(self) -> None:
        kept = json.loads(self._path.read_text(encoding="utf-8"))
        for one in kept["links"]:
            self._links[one["slug"]] = Link(
                slug=one["slug"],
                target=one["target"],
                created_at=datetime.fromisoformat(one["created_at"]),
            )
        for one in kept["clicks"]:
            self._clicks.append(Click(one["slug"], datetime.fromisoformat(one["at"]), one["visitor"]))

    def _write(self) -> None:
        kept = {
            "links": [
                {
                    "slug": link.slug,
                    "target": link.target,
                    "created_at": link.created_at.isoformat(),
                }
                for link in self._links.values()
            ],
            "clicks": [
                {"slug": click.slug, "at": click.at.isoformat(), "visitor": click.visitor} for click in self._clicks
            ],
        }
        # In place of the old file at once: who reads meanwhile gets all of one or all of the other.
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        os.replace(beside, self._path)
