# VAPORA in a container. `docker build -t vapora .`; what it takes and gives stands in docs/deploy.md.
# Any Debian 12 with Python 3.11 to 3.14 and its venv module will do as the base.
ARG BASE=python:3.11-slim-bookworm

# Exactly what the lock names, wheels only.
FROM ${BASE} AS packages
WORKDIR /build
RUN python3 -m venv /opt/vapora
ENV PATH=/opt/vapora/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock requirements-node.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --quiet --require-hashes --no-deps --only-binary :all: --requirement requirements.lock

FROM packages AS node
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --quiet --target /opt/node --require-hashes --no-deps --only-binary :all: --requirement requirements-node.lock

# VAPORA itself. Pages for the browser that are there, made of the same sources, are taken as they are; Node is fetched
# for others only.
FROM packages AS build
COPY . .
RUN python hatch_build.py 2>/dev/null \
    || { pip install --quiet --target /opt/node --require-hashes --no-deps --only-binary :all: --requirement requirements-node.lock \
      && PYTHONPATH=/opt/node python hatch_build.py; }
# Without pip: an image is built anew, and nothing is installed into one that runs.
RUN pip install --quiet --no-deps --no-build-isolation . \
    && pip check \
    && pip uninstall --quiet --yes pip \
    && rm -rf /opt/vapora/lib/python3*/site-packages/ray/jars

FROM ${BASE} AS runtime
# git for the repositories of projects; tini passes signals on and collects what ended.
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends ca-certificates git tini \
    && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old \
    && groupadd --gid 10001 vapora \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/vapora --shell /usr/sbin/nologin vapora \
    && install -d -m 0700 -o 10001 -g 10001 /var/lib/vapora
COPY --from=build /opt/vapora /opt/vapora
COPY --chmod=0755 container/entrypoint container/healthcheck /usr/local/bin/
# Nothing is written but the data folder and /tmp: the root may be read-only.
ENV PATH=/opt/vapora/bin:$PATH \
    HOME=/var/lib/vapora \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    VAPORA_DATA=/var/lib/vapora \
    VAPORA_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/vapora
VOLUME /var/lib/vapora
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 CMD ["healthcheck"]
ENTRYPOINT ["tini", "-s", "--", "entrypoint"]

# For work on VAPORA itself: its sources are mounted at /src, and a change of them takes effect (compose.override.yaml).
FROM runtime AS development
USER 0:0
COPY --from=node /opt/node /opt/node
COPY --chmod=0755 container/develop /usr/local/bin/
# For whoever owns the sources: it runs as that user.
RUN install -d -m 1777 /development
USER 10001:10001
ENV HOME=/development \
    PYTHONPATH=/src \
    VAPORA_DATA=/development/data \
    VAPORA_LOG_FORMAT=console
WORKDIR /src
VOLUME /development
ENTRYPOINT ["tini", "-s", "--", "develop"]

# What is built where nobody names a stage.
FROM runtime
