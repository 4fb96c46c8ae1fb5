# %% [markdown]
# # Evaluating agents, and policies that nobody tried
#
# Who is good at what, how sure is that, and would another way of handing out cards have been better? The last question
# can be answered without trying it, *off-policy*: each decision stands in the log with the probability with which it
# was made.
#
# The month here is made up (`vapora.testing.samples`), and so marked as simulated. On a server of yours, leave out the
# first cell and use `vapora.Client()`.

# %%
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import vapora
from vapora.testing import samples

opened = ExitStack()
data = Path(opened.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))) / "data"
project_id = samples.month(data)
client = opened.enter_context(vapora.local(data, model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0))

# %% [markdown]
# ## Learning curves
#
# Every agent has a profile for each kind of work: how many runs, how many of them good, and how much that says.

# %%
agents = ["developer", "developer-2", "tester", "documenter"]
learning = {name: client.learning(name) for name in agents}
profiles = pd.concat(
    [pd.DataFrame([one.model_dump() for one in learning[name].profiles]).assign(agent=name) for name in agents]
)
profiles[["agent", "task_type", "runs", "success_rate", "expertise", "confidence"]].round(2)

# %%
figure, axes = plt.subplots(1, 2, figsize=(12, 3.6), layout="constrained", sharey=True)
for name, axis in zip(["developer", "developer-2"], axes, strict=True):
    learning[name].plot(axis).set_title(name)
plt.show()

# %% tags=["check"]
assert {"code-generation", "refactoring"} <= set(learning["developer"].to_frame()["task_type"])
assert (profiles["runs"] > 0).any()

# %% [markdown]
# ## One decision
#
# Two agents could have written this code. The scores say who was thought better, and the propensity says how likely
# it was that this one got the card.

# %%
card = next(card for card in client.tasks(project_id) if card.task_type == "code-generation" and card.runs)
why = client.why(card.id)
why.plot()
plt.show()

# %% [markdown]
# ## All decisions, as data
#
# One row for each run: what it was about, who got it, with which probability, and what came of it.


# %%
def decisions() -> pd.DataFrame:
    """From the log itself: who was chosen, with which probability, and how the run ended."""
    assigned = {}
    rows = []
    for event in client.events(topic=["task.assigned", "run.succeeded", "run.failed"]):
        said = event.event
        if event.topic == "task.assigned":
            assigned[said["run_id"]] = said
        elif said["run_id"] in assigned:
            chosen = assigned[said["run_id"]]
            good = event.topic == "run.succeeded"
            rows.append(
                {
                    "task_type": said["task_type"],
                    "agent": chosen["agent_id"],
                    "propensity": chosen["propensity"],
                    "policy": chosen["policy"],
                    "good": float(good),
                }
            )
    return pd.DataFrame(rows)


made = decisions()
code = made[(made["policy"] == "explore") & (made["task_type"].isin(["code-generation", "refactoring"]))]
code.groupby(["task_type", "agent"])["good"].agg(["count", "mean"]).round(2)

# %% [markdown]
# ## A policy that nobody tried
#
# "Refactoring goes to developer-2." Runs that the old policy gave to just the agent that the new one would have taken
# say how good that is; each counts by the inverse of its probability, since rare ones stand for many. The share of good
# runs is the *self-normalised inverse propensity* estimate, and resampling says how sure it is.


# %%
def value(data: pd.DataFrame, policy: dict[str, str]) -> float:
    taken = data["agent"] == data["task_type"].map(policy)
    weights = taken / data["propensity"]
    return float((weights * data["good"]).sum() / weights.sum())


def interval(data: pd.DataFrame, policy: dict[str, str], rounds: int = 300) -> tuple[float, float]:
    chance = np.random.default_rng(1)
    found = [value(data.sample(frac=1, replace=True, random_state=chance), policy) for _ in range(rounds)]
    low, high = np.nanquantile(found, [0.05, 0.95])
    return float(low), float(high)


policies = {
    "all to developer": {"code-generation": "developer", "refactoring": "developer"},
    "all to developer-2": {"code-generation": "developer-2", "refactoring": "developer-2"},
    "each to whom it suits": {"code-generation": "developer", "refactoring": "developer-2"},
}
estimates = pd.DataFrame(
    [{"policy": name, "value": value(code, one), "range": interval(code, one)} for name, one in policies.items()]
)
estimates["low"], estimates["high"] = zip(*estimates.pop("range"), strict=True)
estimates.round(2)

# %% tags=["check"]
assert set(code["propensity"].round(2)) <= {0.15, 0.85}
assert estimates["value"].between(0, 1).all()
assert (estimates["low"] <= estimates["value"]).all() and (estimates["value"] <= estimates["high"]).all()

# %%
figure, axis = plt.subplots(figsize=(8, 2.4), layout="constrained")
errors = [estimates["value"] - estimates["low"], estimates["high"] - estimates["value"]]
axis.errorbar(estimates["value"], estimates["policy"], xerr=errors, fmt="o", capsize=4)
axis.axvline(code["good"].mean(), linestyle=":", label="as it was")
axis.set_xlabel("share of good runs, with 90 % intervals")
axis.legend()
plt.show()

# %% [markdown]
# Wide intervals are an answer too: an agent that got few cards has told little. Let the policy explore a little more,
# or wait.

# %%
opened.close()
