# %% [markdown]
# # Budget and money
#
# Before each call of a model its worst case is held against every limit that applies; afterwards what it really cost is
# booked. So no limit is crossed, whatever happens in between. Amounts are whole micro-dollars, and simulated money is
# never added to real.

# %%
from contextlib import ExitStack

import matplotlib.pyplot as plt

import vapora
from vapora.commands import EditBudget, SetBudget, SetTaskBudget

opened = ExitStack()
client = opened.enter_context(vapora.local(model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0))
project = client.projects.create("Shortleaf")

# %% [markdown]
# ## Limits
#
# A role, a project, a card, an agent or the whole workspace may have limits: a month, a week, or a card's whole life.
# `when_exceeded` says what happens when one is reached: `fallback` goes on with a model that costs nothing, `stop`
# waits.

# %%
client.set_budget("role", "developer", SetBudget(monthly_limit_cents=35))
client.set_budget("role", "tester", SetBudget(monthly_limit_cents=500, weekly_limit_cents=200))
changed = client.edit_budget("role", "tester", EditBudget(weekly_limit_cents=150))
f"{changed.before.weekly_limit_cents} → {changed.weekly_limit_cents} cents a week"

# %% [markdown]
# ## Some work

# %%
backlog = project.backlog(
    [
        {"title": "Implement the slug generator", "role": "developer", "review": "none"},
        {"title": "Write unit tests for the slugs", "role": "tester", "review": "none"},
        {"title": "Describe how slugs are made", "role": "documenter", "review": "none"},
        {"title": "Implement the list of links", "role": "developer", "review": "none"},
    ]
)
cards = backlog.run(timeout=300, progress=True)
cards.to_frame()[["title", "state", "assigned_agent", "cost_microusd", "simulated"]]

# %% tags=["check"]
assert {card.state.value for card in cards} == {"done"}

# %% [markdown]
# ## What it cost
#
# Grouped as you like. In a notebook the answer is a table; `to_frame()` makes it a data frame, `plot()` draws it.

# %%
costs = client.costs(["role", "provider"], after=client.position())
costs

# %%
frame = costs.to_frame()
frame.pivot_table(index="role", columns="provider", values="cost_microusd", aggfunc="sum", fill_value=0)

# %% tags=["check"]
assert frame["simulated"].all()
assert costs.microusd == 0 and costs.simulated_microusd == frame["cost_microusd"].sum() > 0
# To the micro-dollar: what the cards say is what the report says.
assert sum(task.card().cost_microusd for task in backlog.tasks) == costs.simulated_microusd

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), layout="constrained")
costs.plot(left)
budgets = client.budgets()
budgets.plot(right)
plt.show()

# %% [markdown]
# ## Did the limit hold?
#
# The developer's month had 35 cents. `spent + held` never passes a limit: the log is replayed to prove it
# (`vapora audit budget`), and here you can see why the router stepped down to a model that costs nothing.

# %%
[developer] = [one for one in budgets if one.id == "developer"]
developer

# %%
why = backlog.tasks[0].why().to_frame()
why[why["kind"] == "budget"]["reason"].tolist()[:3]

# %% tags=["check"]
assert developer.monthly_spent_microusd + developer.monthly_held_microusd <= 350_000
assert len(why[why["kind"] == "provider"]) > 0

# %% [markdown]
# ## One card that may not cost more than this

# %%
dear = project.tasks.submit("Think about everything", role="developer", review="none")
client.set_budget("task", dear.id, SetTaskBudget(limit_cents=1))
card = dear.wait(timeout=300)
client.budget("task", dear.id, after=dear.after)

# %% tags=["check"]
assert card.cost_microusd <= 10_000 or card.simulated

# %%
opened.close()
