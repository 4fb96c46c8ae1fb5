# %% [markdown]
# # A team's month in plots
#
# How did the work flow, what did it cost, who did what, and is it getting better? The month is made up
# (`vapora.testing.samples`) and marked as simulated; on a server of yours, use `vapora.Client()` instead of the first
# cell.

# %%
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt

import vapora
from vapora.testing import samples

opened = ExitStack()
data = Path(opened.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))) / "data"
project_id = samples.month(data)
client = opened.enter_context(vapora.local(data, model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0))
project = client.projects[project_id]

# %% [markdown]
# ## Flow
#
# Open cards at the end of each day, and what was done on it.

# %%
dashboard = project.dashboard(days=30)
figure, axis = plt.subplots(figsize=(11, 3.4), layout="constrained")
dashboard.plot(axis)
plt.show()

# %%
days = dashboard.to_frame().set_index("day")
days[["submitted", "done", "failed", "lead_s", "cycle_s"]].describe().round(0)

# %% tags=["check"]
assert len(days) == 30
assert days["done"].sum() > 60

# %% [markdown]
# ## Money

# %%
costs = project.costs(["day", "role"])
figure, axis = plt.subplots(figsize=(11, 3.4), layout="constrained")
costs.plot(axis)
plt.show()

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3), layout="constrained")
project.costs(["provider"]).plot(left).set_title("By provider")
project.costs(["task_type"]).plot(right).set_title("By kind of work")
plt.show()

# %% tags=["check"]
month = project.costs(["role"]).to_frame()
assert month["simulated"].all()
assert costs.simulated_microusd == month["cost_microusd"].sum()

# %% [markdown]
# ## Getting better?
#
# The share of good runs a week, of each agent.

# %%
executions = client.executions(simulated=True).to_frame()
executions["week"] = executions["at"].dt.strftime("%G-W%V")
weekly = executions.dropna(subset=["success"]).assign(good=lambda rows: rows["success"].astype(float))
weekly = weekly.pivot_table(index="week", columns="agent", values="good", aggfunc="mean")
figure, axis = plt.subplots(figsize=(11, 3.2), layout="constrained")
weekly.plot(ax=axis, marker="o", ylabel="share of good runs", ylim=(-0.05, 1.05))
plt.show()

# %% [markdown]
# ## Quality, time and money of each kind of work

# %%
kinds = executions.groupby("task_type").agg(
    runs=("id", "count"), quality=("quality", "mean"), seconds=("latency_ms", "median"), cost=("cost_microusd", "mean")
)
kinds.assign(seconds=kinds["seconds"] / 1000, cost=kinds["cost"] / 1e6).round(3)

# %% tags=["check"]
assert {"developer", "tester", "documenter"} <= set(weekly.columns)
assert kinds["runs"].sum() == len(executions) > 60

# %%
opened.close()
