# %% [markdown]
# # First steps
#
# A team of agents takes cards from a board and works on them within a budget. Here you hand in a card, watch it being
# worked on, look at what was changed, and merge it.
#
# This notebook spends nobody's money: the *rehearsal* model answers, and everything that it touches is marked as
# simulated. It needs `vapora[platform]`, pandas and matplotlib.

# %%
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import vapora
from vapora import views
from vapora.testing import samples

# %% [markdown]
# With `VAPORA_URL` (and `VAPORA_TOKEN`) set, this speaks to a server that runs already. Without, `vapora.local()`
# starts everything in this process, on a temporary folder. `sandbox="none"`: the commands of this rehearsal, the tests
# of a small Python program, then run as you do. Leave it out, and they run apart from everything else.

# %%
opened = ExitStack()
if url := os.environ.get("VAPORA_URL"):
    client = opened.enter_context(vapora.Client(url, token=os.environ.get("VAPORA_TOKEN")))
else:
    local = vapora.local(model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0, sandbox="none")
    client = opened.enter_context(local)
client.health()

# %% [markdown]
# A project is a git repository with checks. This one is a small link shortener, made for the purpose.

# %%
folder = Path(opened.enter_context(TemporaryDirectory(dir=Path.cwd())))
repository = samples.shortleaf(folder)
checks = [{"name": "tests", "command": "sh check.sh tests", "timeout_s": 60}]
project = client.projects.create("Shortleaf", repo=str(repository), checks=checks)
project.show()

# %% [markdown]
# ## A card
#
# `submit` hands it in; `wait` shows how far it is. Whether a person, another agent or nobody looks at the work is up to
# you: with `review="human"` it waits for you.

# %%
task = project.tasks.submit("List the newest link first", type="enhancement", role="developer", review="human")
card = task.wait(timeout=300, progress=True)
card

# %% tags=["check"]
assert card.state == "review", card
assert card.checks == "green", card

# %% [markdown]
# What did it do? A list is read page by page; `to_frame()` makes a table of it.

# %%
steps = task.steps().to_frame()
steps[["step", "kind", "name", "line", "duration_ms", "cost_microusd"]]

# %% tags=["check"]
assert {"model", "tool", "check"} <= set(steps["kind"])
assert steps["simulated"].all()

# %% [markdown]
# And what did it change? Red is gone, green is new.

# %%
changes = task.changes()
changes

# %% tags=["check"]
assert "shortleaf/__main__.py" in changes.to_frame()["path"].tolist()
assert "&lt;" not in str(changes) and "+" in changes.patch

# %% [markdown]
# ## Yes, please
#
# Approving binds to the commit that you have seen. Merging makes one commit of it on your branch.

# %%
task.approve()
merged = task.merge()
merged

# %% tags=["check"]
assert "sorted(store.links()" in (repository / "shortleaf" / "__main__.py").read_text()
assert task.card().landed is not None

# %% [markdown]
# ## Why?
#
# Every decision stands in the log: who took it and who else could have, on which model, on whose money.

# %%
task.why()

# %% [markdown]
# ## A board that stays up to date
#
# It is drawn again whenever something moves, while you go on. It stops when you say so.

# %%
board = vapora.LiveBoard(client, "Shortleaf")
board

# %%
backlog = project.backlog(
    [
        {"title": "Refuse targets that are neither http nor https", "role": "developer", "review": "none"},
        {"title": "Write a talk about slugs", "role": "presenter", "review": "none"},
    ]
)
cards = backlog.run(timeout=300, progress=True)
cards

# %% tags=["check"]
assert [one.state.value for one in cards] == ["done", "done"], cards
assert board.wait(max(one.position for one in cards), timeout=60), board.problem
board.stop()
assert board.updates >= 2
assert board.board is not None and board.board.counts["done"] == 3

# %% [markdown]
# ## Changes as they happen
#
# `follow` gives each change in its type, from any position of the log on. It goes on until you leave it.

# %%
seen = []
for change in client.follow(views.TaskChange, after=0):
    seen.append((change.row.title, change.row.state.value))
    if len(seen) == 3:
        break
seen

# %% tags=["check"]
assert len(seen) == 3

# %%
opened.close()
