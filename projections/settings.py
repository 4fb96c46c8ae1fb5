"""What is set for the workspace, and what each person prefers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, user, workspace
from projections.engine.base import Handler, Projection, PublicView, Reader, Row, Rows, Table
from vapora import views

# One row.
SETTINGS = Table(
    "settings",
    key=("id",),
    columns={
        "id": "text",
        "name": "text",
        "default_review": "text",
        "default_priority": "int",
        "most_runs": "int",
        "most_runs_of": "json",
        "knowledge": "json",
        "search_vectors": "text",
    },
)
PREFERENCES = Table(
    "preferences",
    key=("user_id",),
    columns={"user_id": "text", "theme": "text", "density": "text", "time_zone": "text", "notifications": "json"},
)
_ONLY = "workspace"


def _settings_changed(recorded: Recorded, event: workspace.SettingsChanged, rows: Rows) -> None:
    row = {
        "id": _ONLY,
        "name": event.name,
        "default_review": event.default_review.value,
        "default_priority": event.default_priority,
        "most_runs": event.most_runs,
        "most_runs_of": event.most_runs_of,
        "knowledge": event.knowledge.model_dump(mode="json"),
        "search_vectors": event.search_vectors,
    }
    rows.put(SETTINGS, row)


def _preferences_changed(recorded: Recorded, event: user.PreferencesChanged, rows: Rows) -> None:
    rows.put(PREFERENCES, {**vars(event), "notifications": list(event.notifications)})


def _settings(row: Row) -> views.WorkspaceSettings:
    return views.WorkspaceSettings.model_validate({name: value for name, value in row.items() if name != "id"})


def _live_settings(row: Row) -> dict[str, Any]:
    return _settings(row).model_dump(mode="json")


def _live_preferences(row: Row) -> dict[str, Any]:
    return views.Preferences.model_validate(row).model_dump(mode="json")


class Settings(Projection):
    NAME = "settings"
    VERSION = 4
    TABLES = (SETTINGS, PREFERENCES)
    VIEWS = (
        PublicView("settings", SETTINGS, _live_settings),
        PublicView("preferences", PREFERENCES, _live_preferences),
    )
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        workspace.SettingsChanged: _settings_changed,
        user.PreferencesChanged: _preferences_changed,
    }


def settings(rows: Reader) -> views.WorkspaceSettings | None:
    """None until somebody has set them."""
    row = rows.get(SETTINGS, (_ONLY,))
    return None if row is None else _settings(row)


def preferences(rows: Reader, user_id: str) -> views.Preferences | None:
    """None until this person has said any."""
    row = rows.get(PREFERENCES, (user_id,))
    return None if row is None else views.Preferences.model_validate(row)
