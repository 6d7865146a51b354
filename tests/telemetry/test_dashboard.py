"""The Grafana dashboard asks for metrics that there are, under the names that Prometheus gives them."""

import json
import re
from pathlib import Path

from counterpoint.telemetry import names
from counterpoint.telemetry.names import Kind, Metric

DASHBOARD = json.loads((Path(__file__).parents[2] / "docs" / "dashboards" / "counterpoint.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
UNITS = {"s": "_seconds"}


def in_prometheus(metric: Metric) -> set[str]:
    """OpenTelemetry's mapping: dots to underscores, the unit's word, `_total`; a histogram is three series."""
    name = metric.name.replace(".", "_") + UNITS.get(metric.unit, "")
    match metric.kind:
        case Kind.HISTOGRAM:
            return {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
        case Kind.COUNTER:
            return {f"{name}_total"}
        case Kind.UP_DOWN | Kind.GAUGE:
            return {name}


def asked_for(expression: str) -> set[str]:
    return set(re.findall(r"(?:counterpoint|gen_ai)_[a-z_]+(?=\{job)", expression))


def test_every_metric_that_is_asked_for_exists() -> None:
    known = {name for metric in names.METRICS for name in in_prometheus(metric)}
    for expression in EXPRESSIONS:
        assert asked_for(expression), expression
        assert asked_for(expression) <= known


def test_every_metric_of_ours_has_a_panel() -> None:
    shown = {name for expression in EXPRESSIONS for name in asked_for(expression)}
    assert [metric.name for metric in names.METRICS if not in_prometheus(metric) & shown] == []


def test_it_groups_by_labels_that_metrics_have() -> None:
    labels = [*vars(names.Label).values(), *vars(names.Is).values()]
    known = {label.replace(".", "_") for label in labels if isinstance(label, str)} | {"le"}
    for expression in EXPRESSIONS:
        for group in re.findall(r"by \(([^)]*)\)", expression):
            assert {label.strip() for label in group.split(",")} <= known


def test_panels_do_not_overlap() -> None:
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
