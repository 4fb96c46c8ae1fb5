# `make demo` and `make test` do all the set-up themselves, in .venv; nothing else has to be installed first.
VENV ?= .venv
BIN := $(VENV)/bin

# Python 3.11 to 3.14: for these Ray has wheels. PYTHON=… names one; without it the first of these that is suitable is
# taken, the ones that VAPORA was tried on first. Each is run, because a name on the PATH (a pyenv shim) may be dead.
PYTHON ?=
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3 python3.14)

PIP := $(BIN)/python -m pip --disable-pip-version-check
# --no-deps: a lock names every package, and pip before 23.3 does not see that a pinned `google-auth` is also the
# `google-auth[requests]` that another package asks for; it refuses the whole lock as soon as a newer one is published.
# What --no-deps could leave out is found by `pip check`. Wheels only: nothing is built with tools that are not pinned.
INSTALL := $(PIP) install --quiet --require-hashes --no-deps --only-binary :all: --requirement

.PHONY: demo up local test test-install soak docs lint types check format bench lock release release-check dist release-smoke sbom \
	release-sums clean

demo: $(VENV)/.platform
	$(BIN)/vapora demo

up: $(VENV)/.platform
	$(BIN)/vapora up

local: $(VENV)/.platform
	$(BIN)/vapora up --local

# PYTEST=… adds options: make test PYTEST=--durations=25
test: $(VENV)/.dev
	$(BIN)/python -m tests.run $(PYTEST)

# The tests that ask the package index: a clean installation with the oldest pip, and wheels for every platform.
test-install: $(VENV)/.dev
	$(BIN)/python -m pytest -m index $(PYTEST)

# The crash rounds in full, and 10,000 requests made up from the API's document, each sent by nobody and by an owner
# (seven minutes of a processor); `make test` runs a sample of them. Three quarters of an hour, on a quiet machine.
soak: $(VENV)/.dev
	VAPORA_WORK_ROUNDS=30 VAPORA_LANDING_ROUNDS=30 VAPORA_CHAOS_ROUNDS=100 VAPORA_RAY_WORK_ROUNDS=30 VAPORA_SCHEMA_CASES=10000 $(BIN)/python -m pytest -m "not index" $(PYTEST) \
		tests/work/test_agent_killed.py tests/work/test_landing_killed.py tests/cluster/test_work_killed.py \
		tests/cluster/test_chaos.py tests/chaos tests/workflows/test_killed.py tests/projections/test_replay.py tests/startup/test_interrupt.py tests/api/test_schemathesis.py \
		tests/test_benchmarks.py tests/containers
	VAPORA_RAY_TRANSPORT=ray VAPORA_RAY_WORK_ROUNDS=30 $(BIN)/python -m pytest $(PYTEST) tests/cluster/test_chaos.py tests/cluster/test_crash.py \
		tests/cluster/test_work_killed.py tests/cluster/test_workflows.py

# The documentation as a site, in docs/built/html.
docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -b html --quiet --fail-on-warning --keep-going docs docs/built/html

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

check: lint types test-install test

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Minutes, on a quiet machine; what the tables mean stands in benchmarks/README.md.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

# The environment starts empty: what a new lock no longer names must not stay behind. A folder that was not made here is
# never emptied.
$(VENV)/.locked: requirements.lock
	@without=; \
	for python in $(PYTHONS); do \
		"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1 || continue; \
		if "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
			echo "Installing into $(VENV) with $$("$$python" --version): once, about a minute."; \
			exec "$$python" -m venv $(if $(wildcard $(VENV)/.platform),--clear) $(VENV); \
		fi; \
		without=$$python; \
	done; \
	if [ -n "$$without" ]; then \
		echo "$$without has no venv module: install it (Debian, Ubuntu: apt install python3-venv), then try again." >&2; \
	else \
		echo "VAPORA needs Python 3.11 to 3.14, and $(if $(PYTHON),PYTHON=$(PYTHON) is not that,found none):" \
			"install it (Debian, Ubuntu: apt install python3 python3-venv), or name it with PYTHON=/path/to/python3." >&2; \
	fi; \
	exit 1
	$(INSTALL) requirements.lock
	touch $@

# What the board in the browser is built from. Its build needs Node: the machine's own, else the one from this lock.
WEB := hatch_build.py vapora/web/index.html $(wildcard vapora/web/*.json vapora/web/*.ts vapora/web/public/*/* vapora/web/src/* vapora/web/src/*/*)
NODE := node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'

$(VENV)/.platform: $(VENV)/.locked pyproject.toml requirements-node.lock $(WEB)
	@{ command -v npm && $(NODE); } >/dev/null 2>&1 || $(INSTALL) requirements-node.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	$(PIP) check
	touch $@

$(VENV)/.dev: $(VENV)/.platform requirements-dev.lock
	$(INSTALL) requirements-dev.lock
	$(PIP) check
	touch $@

# Pin what pyproject.toml asks for, with hashes and without any registry's address: one lock for every platform and
# Python. What is pinned already stays as it is; `make lock UPGRADE=1` takes the newest of everything.
COMPILE := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --no-build \
	--generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) pyproject.toml --group build --extra platform
lock: $(VENV)/.locked
	$(INSTALL) requirements-dev.lock
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --output-file requirements-dev.lock --group dev --constraint requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-build --generate-hashes --no-header --no-annotate \
		$(if $(UPGRADE),--upgrade) --group node --output-file requirements-node.lock

# All of a release but its publishing: the same steps as .github/workflows/release.yml, in its order. TAG=v1.2.3 is compared
# with the version; docs/releasing.md says what each step checks.
RELEASE := $(BIN)/python -m release

release:
	$(MAKE) release-check
	$(MAKE) dist
	$(MAKE) release-smoke
	$(MAKE) sbom
	$(MAKE) release-sums

release-check: $(VENV)/.dev
	$(RELEASE) check --tag "$(TAG)"

# Built twice, the second time from the source distribution alone: both have to be the same to the byte.
dist: $(VENV)/.dev
	$(RELEASE) dist

# Asks the package index.
release-smoke: $(VENV)/.dev
	$(RELEASE) smoke

# What everything is made of, from the locks: dist/vapora-*.cdx.json, in CycloneDX.
sbom: $(VENV)/.dev
	$(RELEASE) sbom

release-sums: $(VENV)/.dev
	$(RELEASE) sums

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
