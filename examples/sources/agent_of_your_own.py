# %% [markdown]
# # An agent of your own
#
# An agent is a Python function. VAPORA gives it cards, records each thing that it asks for as a step, pays for its
# model calls from the budget, and has it go on after a crash. Here it uses a tool, answers in a type, asks a person,
# is stopped in the middle, goes on, and is paid once.

# %%
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel

import vapora
from vapora import views
from vapora.testing import given

# %% [markdown]
# ## A tool
#
# Type hints become its schema, the docstring is what a model is told. `effect="pure"`: it computes from its arguments
# alone, so that it may be called again after a crash.


# %%
@vapora.tool(effect="pure")
def word_count(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


word_count("It is still a function.")

# %% [markdown]
# ## An agent
#
# The docstring is its system prompt. A model is asked for a pydantic model, and gives one.


# %%
class Summary(BaseModel):
    headline: str
    points: list[str]


@vapora.agent(role="documenter", tools=[word_count])
def summariser(ctx: vapora.Context) -> str:
    """You summarise texts for busy people, in plain words."""
    words = ctx.tool(word_count, text=ctx.task.description)
    summary = ctx.model(f"Summarise these {words} words:\n{ctx.task.description}", answer=Summary)
    greeting = ctx.ask("How shall it begin?")
    return f"{greeting} {words} words, {len(summary.points)} points."


summariser

# %% [markdown]
# ## Tried without a server
#
# `given` sets the scene, `when` has the code work on it, `then` checks. `resumes()` runs it again from what is
# recorded.

# %%
scene = (
    given("Summarise it", description="one two three")
    .model({"headline": "So", "points": ["a", "b"]})
    .person("Dear all!")
)
outcome = scene.when(summariser)
outcome.then.finishes("Dear all! 3 words, 2 points.").uses(word_count).resumes()
outcome.product

# %% tags=["check"]
assert outcome.product == "Dear all! 3 words, 2 points."

# %% [markdown]
# ## At work
#
# Functions of a notebook will do: everything runs in this process. The folder keeps what happened.

# %%
opened = ExitStack()
data = Path(opened.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))) / "data"


def start() -> tuple[ExitStack, vapora.Client]:
    running = ExitStack()
    local = vapora.local(data, agents=[summariser], model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0)
    client = running.enter_context(local)
    return running, client


running, client = start()
project = client.projects.create("Texts")
task = project.tasks.submit("Summarise it", description="one two three", agent="summariser", review="none")
for change in task.follow():
    if isinstance(change, views.TaskChange) and change.row.question is not None:
        break
card = task.card()
card

# %% tags=["check"]
assert card.question is not None
assert card.question.text == "How shall it begin?"
paid = card.cost_microusd
assert paid > 0
assert card.assigned_agent == "summariser"

# %% [markdown]
# ## Stopped in the middle
#
# Everything ends here. The next start on the same folder takes up where this one was; then a person answers.

# %%
running.close()
running, client = start()
task = client.tasks[task.id]
question = task.card().question
assert question is not None
task.comment("Dear all!", answers=question.call_id)
done = task.wait(timeout=300, progress=True)
client.output(task.id).text

# %% [markdown]
# What was answered before was read from the log: nothing was asked, or paid, a second time.

# %%
steps = task.steps().to_frame()
steps[["step", "kind", "name", "line", "cost_microusd"]]

# %% tags=["check"]
assert done.state == "done", done
assert done.cost_microusd == paid
assert done.runs[0].calls == 1
assert (steps["kind"] == "model").sum() == 1
assert "word_count" in " ".join(steps["name"])
assert str(client.output(task.id).text).startswith("Dear all! 3 words, ")

# %%
running.close()
opened.close()
