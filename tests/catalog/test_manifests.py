"""The role catalogue: complete, consistent, and clear about what is wrong with a broken file."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from vapora.catalog import ROLE_IDS, load_roles, role, roles, roles_for, task_types
from vapora.errors import CatalogError, NotFoundError
from vapora.tools.scope import Scope
from vapora.tools.table import TOOLS

EXPECTED_IDS = [
    "architect",
    "developer",
    "code-reviewer",
    "tester",
    "documenter",
    "marketer",
    "presenter",
    "devops",
    "monitor",
    "security",
    "project-manager",
    "decision-maker",
]

ROUTER_TYPES = [
    "code-generation",
    "code-review",
    "code-refactor",
    "unit-test",
    "integration-test",
    "architecture-design",
    "security-analysis",
    "performance-analysis",
    "document-generation",
    "code-documentation",
    "api-documentation",
    "embeddings",
    "semantic-search",
    "general-query",
    "deployment",
    "monitoring",
    "marketing-copy",
    "presentation",
    "planning",
    "decision",
]

SECTIONS = (
    "Duty",
    "What you receive",
    "What you hand over",
    "How you work",
    "Limits",
    "Quality bar",
    "When to stop or escalate",
)
READ_ONLY = ("code-reviewer", "presenter", "monitor", "security", "project-manager", "decision-maker")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A writable copy of one role that stands alone."""
    source = files("vapora.catalog") / "roles"
    for name in ("presenter.toml", "presenter.md"):
        (tmp_path / name).write_text((source / name).read_text(encoding="utf-8"), encoding="utf-8")
    _change(tmp_path / "presenter.toml", 'listens_to = ["documenter", "project-manager"]|listens_to = []')
    _change(tmp_path / "presenter.toml", 'reports_to = ["project-manager"]|reports_to = []')
    return tmp_path


def _change(file: Path, old_and_new: str) -> None:
    old, new = old_and_new.split("|")
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_there_are_exactly_the_twelve_roles_in_their_order() -> None:
    assert list(roles()) == EXPECTED_IDS
    assert list(ROLE_IDS) == EXPECTED_IDS


def test_the_folder_holds_two_files_for_each_role_and_nothing_else() -> None:
    found = {item.name for item in (files("vapora.catalog") / "roles").iterdir()}
    assert found == {f"{role_id}.{end}" for role_id in EXPECTED_IDS for end in ("toml", "md")}


def test_the_four_groups_have_the_roles_that_the_mission_gives_them() -> None:
    groups = [manifest.group for manifest in roles().values()]
    assert groups == ["technical-core"] * 4 + ["documentation"] * 3 + ["operations"] * 3 + ["management"] * 2


@pytest.mark.parametrize("role_id", EXPECTED_IDS)
def test_every_prompt_has_the_needed_sections_in_their_order(role_id: str) -> None:
    manifest = role(role_id)
    assert _headings(manifest.prompt) == (*SECTIONS, "Without a repository")
    assert _headings(manifest.work_prompt) == (*SECTIONS, "In a repository", "Working with tools")
    for prompt in (manifest.prompt, manifest.work_prompt):
        assert prompt.startswith("# ")
        assert len(prompt) > 1500
        assert 40 <= len(prompt.splitlines()) <= 100


def _headings(prompt: str) -> tuple[str, ...]:
    return tuple(line[3:] for line in prompt.splitlines() if line.startswith("## "))


def test_a_role_is_told_of_tools_only_where_it_has_them() -> None:
    for manifest in roles().values():
        assert not any(f"`{name}`" in manifest.prompt for name in TOOLS), manifest.id
        named = {name for name in TOOLS if f"`{name}`" in manifest.work_prompt}
        assert named <= set(manifest.tools), manifest.id


def test_who_may_write_what_is_as_the_mission_says() -> None:
    assert tuple(one.id for one in roles().values() if not one.writable) == READ_ONLY
    for role_id, own, others in (
        ("developer", "src/slug.py tests/test_slug.py README.md", ""),
        ("tester", "tests/test_slug.py src/app/slug.test.ts benchmarks/load.py", "src/slug.py README.md latest.py"),
        ("documenter", "README.md docs/api/links.md src/pkg/NOTES.md", "src/slug.py Makefile"),
        ("architect", "docs/adr/0001-storage.md", "src/slug.py README.md"),
        ("devops", ".github/workflows/ci.yml deploy/app.yaml Dockerfile", "src/slug.py README.md"),
        ("marketer", "marketing/1.4.md website/index.html", "docs/api.md README.md"),
    ):
        scope = Scope(role(role_id).writable)
        assert [path for path in own.split() if path not in scope] == []
        assert [path for path in others.split() if path in scope] == []


def test_who_may_not_write_has_no_tool_to_write_with() -> None:
    for role_id in READ_ONLY:
        assert not {"file_write", "file_edit"} & set(role(role_id).tools)


@pytest.mark.parametrize("role_id", EXPECTED_IDS)
def test_work_ends_with_finish_and_a_review_changes_nothing(role_id: str) -> None:
    manifest = role(role_id)
    assert "finish" in manifest.tools_for("work")
    assert "submit_review" not in manifest.tools_for("work")
    assert {TOOLS[name].effect for name in manifest.tools_for("review")} == {"pure", "ends"}
    assert manifest.tools_for("review")[-1] == "submit_review"
    assert manifest.writable_for("work") == manifest.writable
    assert manifest.writable_for("review") == ()


@pytest.mark.parametrize("role_id", EXPECTED_IDS)
def test_every_run_has_two_or_three_steps_of_modest_size(role_id: str) -> None:
    manifest = role(role_id)
    assert 2 <= len(manifest.steps) <= 3
    assert all(manifest.output_tokens(step) <= 4096 for step in manifest.steps)
    # The budget reserves a run's last step at its full limit, so the artifact gets the most room.
    assert manifest.output_tokens(manifest.steps[-1]) == manifest.max_output_tokens


def test_no_two_roles_share_a_paragraph_of_their_prompts() -> None:
    seen: dict[str, str] = {}
    for manifest in roles().values():
        for paragraph in manifest.prompt.split("\n\n"):
            if len(paragraph) > 150:
                assert paragraph not in seen, f"{manifest.id} repeats {seen.get(paragraph)}"
                seen[paragraph] = manifest.id


def test_each_role_makes_a_kind_of_artifact_of_its_own() -> None:
    assert len({manifest.artifact.kind for manifest in roles().values()}) == 12


def test_the_task_types_are_those_of_the_router_and_those_of_the_other_roles() -> None:
    assert sorted(task_types()) == sorted(ROUTER_TYPES)


@pytest.mark.parametrize("task_type", ROUTER_TYPES)
def test_every_task_type_has_a_role(task_type: str) -> None:
    assert roles_for(task_type)
    assert all(task_type in role(role_id).task_types for role_id in roles_for(task_type))


def test_a_type_that_nobody_can_do_has_no_roles() -> None:
    assert roles_for("time-travel") == ()


def test_asking_for_an_unknown_role_names_those_that_exist() -> None:
    with pytest.raises(NotFoundError, match=r"no role 'wizard'.*architect, developer"):
        role("wizard")


def test_a_manifest_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        role("tester").concurrency = 99  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        roles()["tester"] = role("tester")  # type: ignore[index] # pyright: ignore[reportIndexIssue]


def test_the_manifests_are_read_once() -> None:
    assert roles() is roles()


def test_a_role_can_be_loaded_from_any_folder(folder: Path) -> None:
    assert load_roles(folder, ["presenter"])["presenter"].steps == role("presenter").steps


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("concurrency = 2|concurrency = 0", r"presenter\.toml.*concurrency: .*greater than or equal to 1"),
        ("temperature = 0.6|temperature = 1.6", r"presenter\.toml.*temperature: "),
        ('group = "documentation"|group = "circus"', r"presenter\.toml.*group: .*technical-core"),
        ('title = "Presenter"|colour = "red"', r"presenter\.toml.*title: Field required; colour: Extra"),
        ('"presentation"]|"Power Point"]', r"presenter\.toml.*task_types\.0: "),
        ('name = "slides.md"|name = "slides"', r"presenter\.toml.*artifact\.name: "),
        ("output_tokens = 512|output_tokens = 9000", r"presenter\.toml.*'storyline' may answer 9000 tokens"),
        ('name = "storyline"|name = "slides"', r"presenter\.toml.*steps: each needs a name of its own"),
        ("reports_to = []|reports_to = ['wizard']", r"presenter\.toml.*reports_to: unknown role wizard"),
        ('id = "presenter"|id = "speaker"', r"presenter\.toml.*id: is 'speaker'.*says 'presenter'"),
        ("temperature =|temperature", r"presenter\.toml.*not valid TOML.*line"),
        ('title = "Presenter"|title = "P"\nprompt = "x"', r"prompt: belongs in presenter\.md"),
        ('"git_log", "ask"|"git_blame", "ask"', r"tools: there is no git_blame; there are file_read"),
        ('"ask", "finish"]|"ask"]', r"tools: without finish, no run could end"),
        ('"ask", "finish"]|"finish", "file_edit"]', r"writable: is empty, so file_edit could do nothing"),
    ],
)
def test_a_broken_manifest_is_refused_naming_file_and_field(folder: Path, change: str, said: str) -> None:
    _change(folder / "presenter.toml", change)
    with pytest.raises(CatalogError, match=said):
        load_roles(folder, ["presenter"])


def test_a_role_without_its_prompt_is_refused(folder: Path) -> None:
    (folder / "presenter.md").unlink()
    with pytest.raises(CatalogError, match=r"presenter\.md is missing"):
        load_roles(folder, ["presenter"])


def test_a_role_with_an_empty_prompt_is_refused(folder: Path) -> None:
    (folder / "presenter.md").write_text(" \n", encoding="utf-8")
    with pytest.raises(CatalogError, match=r"presenter\.md.*prompt: is empty"):
        load_roles(folder, ["presenter"])


def test_a_prompt_that_does_not_say_how_to_work_in_a_repository_is_refused(folder: Path) -> None:
    _change(folder / "presenter.md", "## In a repository|## Elsewhere")
    with pytest.raises(CatalogError, match=r"presenter\.md.*has to end with the sections '## In a repository'"):
        load_roles(folder, ["presenter"])


def test_the_manifests_hold_no_keys_that_the_model_ignores() -> None:
    for role_id in EXPECTED_IDS:
        text = (files("vapora.catalog") / "roles" / f"{role_id}.toml").read_text(encoding="utf-8")
        assert set(tomllib.loads(text)) <= set(type(role(role_id)).model_fields)
