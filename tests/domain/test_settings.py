"""What is set for a workspace, what a person prefers, and what that means for a new card."""

from __future__ import annotations

import pytest

from events.ids import Review
from events.user import PreferencesChanged
from events.workspace import SettingsChanged
from vapora.commands import ChangePreferences, ChangeSettings, SubmitTask
from vapora.domain import preferences, workspace_settings
from vapora.errors import BadInputError

SET = SettingsChanged(name="Acme", default_review=Review.NONE, default_priority=70)

ROLES = ("developer", "tester")


def test_a_limit_of_runs_names_a_role_that_there_is() -> None:
    limits = ChangeSettings(most_runs=4, most_runs_of={"developer": 2})
    [event] = workspace_settings.decide(None, limits, ROLES)
    assert isinstance(event, SettingsChanged)
    assert (event.most_runs, event.most_runs_of) == (4, {"developer": 2})
    with pytest.raises(BadInputError, match="no role 'juggler'"):
        workspace_settings.decide(None, ChangeSettings(most_runs_of={"juggler": 1}), ROLES)


def test_settings_that_are_so_already_change_nothing() -> None:
    assert workspace_settings.decide(None, ChangeSettings(), ROLES) == ()
    command = ChangeSettings(name="Acme", default_review=Review.NONE, default_priority=70)
    assert workspace_settings.decide(None, command, ROLES) == (SET,)
    assert workspace_settings.decide(workspace_settings.evolve(None, SET), command, ROLES) == ()


def test_a_card_takes_only_what_it_leaves_open_from_the_workspace() -> None:
    state = workspace_settings.evolve(None, SET)
    given = SubmitTask(project_id="p", title="Write it", priority=50)
    made = workspace_settings.complete(given, state)
    assert (made.priority, made.review) == (50, Review.NONE)
    assert made.model_fields_set == {"project_id", "title", "priority"}
    assert workspace_settings.complete(given, None) == given


def test_preferences_are_said_once() -> None:
    [event] = preferences.decide(None, ChangePreferences(), "user:local")
    assert event == PreferencesChanged(
        user_id="user:local", theme="system", density="comfortable", time_zone="", notifications=("review", "failed")
    )
    assert preferences.decide(preferences.evolve(None, event), ChangePreferences(), "user:local") == ()
