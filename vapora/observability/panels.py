"""What a dashboard of Grafana is made of, as plain values: the few forms of panels that ours have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

_WIDTH = 24
_HEIGHT = 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """`legend`: what a line is called, by labels, as in `{{role}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` as Grafana names it; `width` of 24."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    form: Literal["timeseries", "stat", "gauge", "bargauge", "table"] = "timeseries"
    width: int = 8
    says: str = ""

    def render(self, number: int, x: int, y: int) -> dict[str, Any]:
        targets = [
            {"refId": chr(ord("A") + at), "datasource": _SOURCE, "expr": one.expr, "legendFormat": one.legend}
            for at, one in enumerate(self.queries)
        ]
        return {
            "id": number,
            "type": self.form,
            "title": self.title,
            "description": self.says,
            "datasource": _SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": _HEIGHT},
            "fieldConfig": {"defaults": {"unit": self.unit}, "overrides": []},
            "options": {},
            "targets": targets,
        }


@dataclass(frozen=True, slots=True)
class LogPanel:
    """Lines out of Loki."""

    title: str
    expr: str
    width: int = 24
    says: str = ""

    def render(self, number: int, x: int, y: int) -> dict[str, Any]:
        source = {"type": "loki", "uid": "${loki}"}
        return {
            "id": number,
            "type": "logs",
            "title": self.title,
            "description": self.says,
            "datasource": source,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": _HEIGHT},
            "options": {"showTime": True, "sortOrder": "Descending", "wrapLogMessage": True},
            "targets": [{"refId": "A", "datasource": source, "expr": self.expr}],
        }


@dataclass(frozen=True, slots=True)
class TracePanel:
    """Traces out of Tempo."""

    title: str
    query: str
    width: int = 24
    says: str = ""

    def render(self, number: int, x: int, y: int) -> dict[str, Any]:
        source = {"type": "tempo", "uid": "${tempo}"}
        return {
            "id": number,
            "type": "table",
            "title": self.title,
            "description": self.says,
            "datasource": source,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": _HEIGHT},
            "options": {},
            "targets": [{"refId": "A", "datasource": source, "queryType": "traceql", "query": self.query}],
        }


AnyPanel = Panel | LogPanel | TracePanel


def source(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": "datasource", "query": kind, "label": kind, "hide": 0, "current": {}}


def choice(name: str, query: str) -> dict[str, Any]:
    """A variable with the values of a label; at first all."""
    return {
        "name": name,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def dashboard(
    uid: str, title: str, says: str, variables: Sequence[dict[str, Any]], panels: Sequence[AnyPanel]
) -> dict[str, Any]:
    """Panels stand side by side as far as a row has room, in their order."""
    rendered, x, y = [], 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > _WIDTH:
            x, y = 0, y + _HEIGHT
        rendered.append(panel.render(number, x, y))
        x += panel.width
    return {
        "uid": uid,
        "title": title,
        "description": says,
        "tags": ["vapora"],
        "timezone": "utc",
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source("datasource", "prometheus"), *variables]},
        "panels": rendered,
    }
