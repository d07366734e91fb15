"""A fitted pipeline from the JSON values of an artifact, which may be hostile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sparkscale import maps
from sparkscale.artifact import checks, groups, values
from sparkscale.errors import DataError
from sparkscale.pipeline import origin, row_steps
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.looking import Look
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, Field
from sparkscale.scalers.base import REGISTRY, Step
from sparkscale.scalers.kinds import from_dict
from sparkscale.stats.calibration import Calibration
from sparkscale.stats.column import ColumnStats


def fitted(document: Mapping[str, Any], read: Callable[[str], bytes]) -> Fitted:
    """Return the fitted pipeline of a document; ``read`` returns the content of a file beside it.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, SparkscaleError: if parts are missing or contradict each other.
    """
    steps, step_maps, calibrations = _steps(document["steps"])
    stats = {str(name): ColumnStats.from_dict(item) for name, item in document["stats"].items()}
    rows, provenance = document["rows"], _provenance(document["provenance"])
    checks.check_rows(rows, checks.by_row(steps, stats), calibrations)
    weight = values.text(document["weight"]) if "weight" in document else None
    checks.check_stats(steps, stats, weight)
    columns = tuple(map(_column, values.items(document["columns"])))
    checks.check_inputs(steps, columns)
    tables = groups.load(document["groups"], read) if "groups" in document else {}
    groups.check(tables, steps, stats)
    pairs = zip(steps, step_maps, strict=True)
    solved = tuple(groups.solved(planned, tables, held) if planned.by else held for planned, held in pairs)
    looks = tuple(_look(item, stats) for item in values.items(document["looks"]))
    return Fitted(tuple(steps), columns, stats, solved, rows, provenance, looks, weight, calibrations, tables)


def _steps(
    data: object,
) -> tuple[Sequence[PlannedStep], Sequence[tuple[maps.Map, ...]], dict[int, Calibration]]:
    """Return the steps, their maps, and by the number of its step what the fit of a temperature has found."""
    steps, step_maps, calibrations = [], [], {}
    for number, item in enumerate(values.items(data), 1):
        inputs, keys = (tuple(map(_found, values.items(item.get(part, [])))) for part in ("inputs", "keys"))
        planned = PlannedStep(_step(item["step"]), inputs, values.texts(item["outputs"]), keys)
        loaded = tuple(map(maps.from_dict, values.items(item["maps"])))
        planned = planned.measured(dict(checks.lengths(planned, loaded)))
        checks.check_step(planned, loaded)
        steps.append(planned)
        step_maps.append(loaded)
        if (label := row_steps.label(planned.step)) is not None or "calibration" in item:
            calibrations[number] = _calibration(item["calibration"], label, loaded[0])
    return steps, step_maps, calibrations


def _provenance(data: object) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise TypeError(f"expected a provenance, found {data!r:.80}")
    origin.check(data)
    return data


def _step(data: Mapping[str, Any]) -> Step:
    kind = data["kind"]
    if kind not in REGISTRY:
        hint = f"upgrade sparkscale, or import the module that defines it; the kinds are {', '.join(sorted(REGISTRY))}"
        raise DataError("ARTIFACT_INVALID", f"unknown step {str(kind)[:80]!r}", hint)
    return from_dict(data)


def _found(data: Mapping[str, Any]) -> Column:
    return Column(values.texts(data["path"]), values.text(data["type"]))


def _column(data: Mapping[str, Any]) -> Field:
    if not isinstance(data["nullable"], bool):
        raise TypeError(f"expected true or false, found {data['nullable']!r:.80}")
    return Field(values.text(data["name"]), values.text(data["type"]), nullable=data["nullable"])


def _calibration(data: Mapping[str, Any], label: str | None, map_: maps.Map) -> Calibration:
    found = Calibration.from_dict(data)
    if found.label != label or getattr(map_, "temperature", None) != found.temperature:
        raise ValueError(f"a temperature {found.temperature!r} that does not belong to its step")
    return found


def _look(data: Mapping[str, Any], stats: Mapping[str, ColumnStats]) -> Look:
    feature, map_, seen = (
        values.text(data["feature"]),
        maps.from_dict(data["map"]),
        ColumnStats.from_dict(data["stats"]),
    )
    if feature not in stats or not isinstance(map_, maps.ColumnMap) or not checks.alike(seen, stats[feature]):
        raise ValueError(f"a look at {feature!r:.80} that does not belong to its statistics")
    return Look(feature, map_, seen)
