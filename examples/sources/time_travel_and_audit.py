# %% [markdown]
# # Time travel and audit
#
# The log keeps everything that happened. So the board of any moment can be shown, every event can say why it happened,
# and the log can prove that nobody has changed it since.

# %%
import json
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import vapora
from vapora.commands import EditTask

opened = ExitStack()
data = Path(opened.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))) / "data"
server = opened.enter_context(ExitStack())
client = server.enter_context(vapora.local(data, model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0))
project = client.projects.create("Shortleaf")

# %% [markdown]
# ## Something happens

# %%
task = project.tasks.submit("Implement the slug generator", role="developer", review="human")
handed_in = task.after
card = task.wait(timeout=300, progress=True)
task.edit(EditTask(priority=90))
task.move("done", comment="Good work")
card = task.card()
card

# %% [markdown]
# ## The board, then and now
#
# `at` is a position of the log, or an instant.

# %%
project.board(at=handed_in)

# %%
project.board()

# %% tags=["check"]
then, now = project.board(at=handed_in), project.board()
assert [one.state.value for one in then.cards] in (["todo"], ["in-progress"])
assert [one.state.value for one in now.cards] == ["done"]

# %% [markdown]
# ## Why did that happen?
#
# From an event back to the request that led to it: who asked, and what came of what.

# %%
[completed] = client.events(topic="task.approved")
chain = client.chain(completed.position)
[(event.position, event.topic, event.actor) for event in chain.items]

# %%
called = list(client.events(topic="run.model-called"))[-1]
causes = client.chain(called.position)
[(event.position, event.topic, event.actor) for event in causes.items]

# %% tags=["check"]
assert chain.complete and causes.complete
assert causes.items[0].position == called.position

# %% [markdown]
# ## Who did what

# %%
trail = client.audit(after=client.position()).to_frame()
trail[["position", "timestamp", "actor", "action", "resource_type", "result"]].head(10)

# %%
trail.groupby(["actor", "action"]).size().unstack(fill_value=0)

# %% tags=["check"]
assert {"create", "assign", "complete"} <= set(trail["action"])
assert trail["position"].is_monotonic_decreasing

# %% [markdown]
# ## Proof
#
# Each event carries a digest of itself and of what was before. With nothing running, `vapora audit verify` reads the
# log and proves the chain and its signed checkpoints; `vapora audit budget` replays all money.

# %%
server.close()


def audit(what: str) -> dict[str, object]:
    command = [sys.executable, "-m", "vapora", "audit", what, "--data", str(data), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, object] = {"exit_code": done.returncode, **json.loads(done.stdout)}
    return found


proof = audit("verify")
proof

# %%
money = audit("budget")
money

# %% tags=["check"]
assert proof["exit_code"] == 0 and money["exit_code"] == 0

# %% [markdown]
# Whoever changes the file behind the writer's back is found out. Here somebody makes a card's title another one:

# %%
with sqlite3.connect(data / "workspaces" / "default" / "log.db") as database:
    [events] = next(database.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%position%topic%'"))
    changed = "CAST(replace(CAST(state AS TEXT), 'slug generator', 'slug destroyer') AS BLOB)"
    database.execute(f"UPDATE {events} SET state = {changed} WHERE topic = 'task.submitted'")

forged = audit("verify")
forged

# %% tags=["check"]
assert forged["exit_code"] == 1, forged

# %%
opened.close()
