"""`vapora.testing` for people who write agents: given, when, then; and the plugin for pytest."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from itertools import count
from pathlib import Path

import pytest
from pydantic import BaseModel

import vapora
from vapora.agents import AsyncContext, Context, ToolFailedError
from vapora.errors import BadInputError, ConfigurationError
from vapora.llm.rehearsal.typed import answer as rehearsed
from vapora.testing import VirtualClock, given, wish

pytest_plugins = ["pytester"]

SENT: list[str] = []


@vapora.tool(effect="pure")
def word_count(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


@vapora.tool
def send(text: str) -> str:
    """Send it."""
    SENT.append(text)
    return "sent"


@vapora.agent(role="documenter", tools=[word_count, send, "time.get_current_time"])
def summariser(ctx: Context) -> str:
    """You summarise."""
    words = ctx.tool(word_count, text=ctx.task.description)
    return f"{words} words: {ctx.model(f'Summarise these {words} words: {ctx.task.description}')}"


def test_an_agent_is_tested_without_a_server() -> None:
    outcome = given("Summarise it", description="one two three").model("Short.").when(summariser)
    outcome.then.finishes("3 words: Short.").uses(word_count, text="one two three").asks("these 3 words").resumes()
    outcome.then.uses("word_count").does_not_use(send)
    with pytest.raises(AssertionError, match="did not fail"):
        outcome.then.fails()
    with pytest.raises(AssertionError, match="is not in"):
        outcome.then.finishes(containing="Long")
    with pytest.raises(AssertionError, match="the script has no answer"):
        given("Summarise it").when(summariser)


def test_a_body_that_is_not_the_same_again_is_found_out() -> None:
    times = count()

    @vapora.agent(role="documenter")
    def unsteady(ctx: Context) -> str:
        """You tell the time."""
        return ctx.model(f"It is {next(times)}.")

    @vapora.agent(role="documenter")
    def steady(ctx: Context) -> str:
        """You tell the time."""
        return ctx.model(f"It is {ctx.record('now', lambda: next(times))}.")

    with pytest.raises(AssertionError, match=r"ctx\.record"):
        given().model("Tea.").when(unsteady).then.resumes()
    given().model("Tea.").when(steady).then.finishes("Tea.").resumes()
    given().value("now", 12).model("Tea.").when(steady).then.asks("It is 12.")


def test_tools_are_called_stubbed_or_fail_as_the_script_says() -> None:
    SENT.clear()

    @vapora.agent(role="documenter", tools=[send, "time.get_current_time"])
    async def clerk(ctx: AsyncContext) -> dict[str, str]:
        """You send."""
        try:
            said = await ctx.tool(send, text="hello")
        except ToolFailedError as error:
            said = str(error)
        return {"sent": said, "at": await ctx.tool("time.get_current_time", timezone="UTC")}

    scene = given().tool("time.get_current_time", "12:00")
    scene.when(clerk).then.finishes({"sent": "sent", "at": "12:00"}).resumes()
    assert SENT == ["hello"]
    scene.tool(send, ConnectionError("no line")).when(clerk).then.finishes(containing="no line")
    assert SENT == ["hello"]


class Answer(BaseModel):
    number: int


def test_models_ask_for_tools_and_answer_in_types() -> None:
    @vapora.agent(role="documenter", tools=[word_count])
    def counter(ctx: Context) -> Answer:
        """You count."""
        return ctx.model("How many?", answer=Answer, tools=[word_count])

    scene = given().model(wish(word_count, text="a b"), "Two, I think.", {"number": 2})
    outcome = scene.when(counter)
    outcome.then.finishes(Answer(number=2)).uses(word_count, text="a b").resumes()
    assert [one.kind for one in outcome.steps] == ["model", "tool", "model", "model"]
    given().model("no", "no").when(counter).then.fails("does not fit Answer")


def test_the_rehearsal_model_answers_in_the_type_that_is_asked_for() -> None:
    @vapora.agent(role="documenter")
    def nested(ctx: Context) -> dict[str, Answer]:
        """You answer."""
        return ctx.model("Which?", answer=dict[str, Answer]) | {"list": ctx.model("All?", answer=list[Answer])[0]}

    given().model(rehearsed).when(nested).then.finishes(containing='"number":0')


def test_calls_made_together_are_told_apart_and_the_same_again() -> None:
    import asyncio

    @vapora.agent(role="documenter")
    async def both(ctx: AsyncContext) -> str:
        """You ask twice at once."""
        return " ".join(await asyncio.gather(ctx.model("One?"), ctx.model("Two?")))

    given().model(lambda prompt: prompt.lower()).when(both).then.finishes("one? two?").asks("One?", "Two?").resumes()


def test_people_are_asked_and_code_may_give_up_or_end_early() -> None:
    @vapora.agent(role="documenter")
    def asking(ctx: Context) -> str:
        """You ask."""
        if ctx.ask("May I?", options=["yes", "no"]) == "no":
            ctx.fail("It may not.")
        ctx.finish("It may.")

    given().person("yes").when(asking).then.finishes("It may.")
    given().person("no").when(asking).then.fails("It may not.")


class Keeper:
    """You keep."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def run(self, ctx: AsyncContext) -> str:
        self.kept.append(await ctx.model(ctx.task.title))
        return self.kept[-1]


def test_what_red_checks_said_is_given_to_the_body() -> None:
    @vapora.agent
    def mender(ctx: vapora.Context) -> str:
        """You mend."""
        return ctx.failed_checks or "Nothing is red."

    given().when(mender).then.finishes("Nothing is red.")
    given().failed_checks("tests: red").when(mender).then.finishes("tests: red").resumes()


def test_a_class_is_made_anew_for_each_run() -> None:
    keeper = vapora.agent(role="documenter")(Keeper)
    assert (keeper.name, keeper.prompt) == ("keeper", "You keep.")
    given("Keep").model("Kept.").when(keeper).then.finishes("Kept.").resumes()


def test_what_cannot_be_a_tool_or_an_agent_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInputError, match="has no type hint"):

        @vapora.tool
        def say(text):  # type: ignore[no-untyped-def]
            """Say it."""

    with pytest.raises(BadInputError, match="cannot be the name"):
        vapora.tool(lambda text: text)
    with pytest.raises(BadInputError, match="no docstring"):

        @vapora.agent
        def silent(ctx: Context) -> str:
            return ""

    with pytest.raises(BadInputError, match="has to take one argument"):

        @vapora.agent
        def empty() -> str:
            """You are."""
            return ""

    with pytest.raises(BadInputError, match="effect"):
        vapora.tool(effect="maybe")(word_count.function)  # type: ignore[call-overload]


def test_an_agent_that_no_role_can_be_is_refused_before_anything_starts(tmp_path: Path) -> None:
    def idle(ctx: Context) -> str:
        """You idle."""
        return ""

    for wrong, why in (
        ({"role": "poet"}, "There is no role 'poet'"),
        ({"role": "code-reviewer"}, "reviews are not written in Python yet"),
        ({"role": "documenter", "task_types": ["poetry"]}, "There is no task type 'poetry'"),
        ({"role": "marketer", "tools": ["code.symbols"]}, "may not hold code.symbols"),
    ):
        agent = vapora.agent(**wrong)(idle)
        with pytest.raises(ConfigurationError, match=why), vapora.local(tmp_path / "data", agents=[agent]):
            pass
    assert not (tmp_path / "data").exists()


def test_a_schema_is_made_of_type_hints_and_effects_are_the_careful_ones() -> None:
    assert word_count.parameters == {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": False,
    }
    assert word_count("a b") == 2
    assert (word_count.effect, word_count.outward, word_count.reads_outside) == ("pure", False, False)
    assert (send.effect, send.outward, send.reads_outside) == ("outside", True, True)


def test_the_clock_goes_where_it_is_put() -> None:
    clock = VirtualClock()
    before = clock()
    clock.move(60)
    assert (clock() - before).total_seconds() == 60


def test_what_agents_import_is_light() -> None:
    heavy = ("ray", "fastapi", "starlette", "httpx", "structlog", "eventsourcing", "events")
    code = (
        "import sys, vapora, vapora.testing, vapora.testing.plugin\n"
        "vapora.tool, vapora.agent, vapora.Context, vapora.AsyncContext, vapora.testing.given\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_plugin_gives_a_whole_vapora_with_scripted_models(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        '''
        import pytest
        import vapora

        @vapora.tool(effect="pure")
        def word_count(text: str) -> int:
            """Count the words of a text."""
            return len(text.split())

        @vapora.agent(role="documenter", tools=[word_count])
        def summariser(ctx: vapora.Context) -> str:
            """You summarise."""
            return f"{ctx.tool(word_count, text=ctx.task.description)}: {ctx.model('Summarise.')}"

        @pytest.mark.vapora(agents=[summariser])
        def test_it(vapora_client, vapora_script, vapora_vendors):
            vapora_script("Short.")
            tasks = vapora_client.projects.create("Texts").tasks
            task = tasks.submit("Summarise", description="a b", agent="summariser", review="none")
            done = task.wait(timeout=120)
            assert task.output().text == "2: Short."
            assert done.cost_microusd == vapora_vendors.ledger.billed_microusd > 0
        '''
    )
    known = [one for one in entry_points(group="pytest11") if one.value == "vapora.testing.plugin"]
    loaded = () if known else ("-p", "vapora.testing.plugin")
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", *loaded).assert_outcomes(passed=1)
