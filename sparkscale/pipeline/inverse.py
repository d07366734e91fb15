"""The way back: which maps give features again, under which names, and what stays unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sparkscale.errors import DataError
from sparkscale.maps import ColumnMap, Inverse
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.schema import Column

if TYPE_CHECKING:
    from sparkscale.pipeline.fitted import Fitted


def restorations(fitted: Fitted, existing: Sequence[str]) -> list[Application]:
    """Return the inverse maps, one for each feature: if two maps could restore it, of the lossless one.

    Args:
        fitted: what was fitted.
        existing: the names of the columns to invert.

    Raises:
        DataError: (65) if a column is missing that a step wrote, or by which it groups.
    """
    out: dict[str, Application] = {}
    there = set(existing)
    for item in fitted.applications:
        if not isinstance(item.map, ColumnMap) or not item.map.invertible:
            continue
        (output,), (feature,) = item.outputs, item.inputs
        if output not in there:
            cause = f"column {output!r}, which step {item.number} wrote, is not in the data to invert"
            raise DataError("SCHEMA_MISSING", cause, "give it all columns that transform wrote")
        if feature.name not in out or (item.map.lossless and not out[feature.name].map.lossless):
            made = Column((output,), "unknown")  # which engines cast to double
            if item.groups and (lost := next((c for c in item.groups.columns if c.path[0] not in there), None)):
                cause = f"column {lost.name!r}, by which step {item.number} groups, is not in the data to invert"
                raise DataError("SCHEMA_MISSING", cause)
            inverse = Inverse(item.map)
            out[feature.name] = replace(item, map=inverse, inputs=(made,), outputs=(feature.name,), dtype="float64")
    return list(out.values())


def restored_names(fitted: Fitted, existing: Sequence[str]) -> list[str]:
    """Return the column names after the inverse: features replace outputs of another name."""
    features = {item.outputs[0]: item.inputs[0].name for item in fitted.applications if item.map.invertible}
    return list(dict.fromkeys(features.get(name, name) for name in existing))


def kept(fitted: Fitted, existing: Sequence[str]) -> Iterator[str]:
    """Yield a warning for columns under whose names stays what a map without an inverse has written."""
    restored = {item.outputs[0] for item in restorations(fitted, existing)}
    for item in fitted.applications:
        places = {column.name for column in item.inputs} - restored
        left = [name for name in item.outputs if name in places and name in existing]
        if left and not item.map.invertible:
            keep = f"column {left[0]!r} keeps" if len(left) == 1 else f"columns {listed(left)} keep"
            cause = f"{keep} what step {item.number} ({fitted.steps[item.number - 1].step.kind}) wrote there"
            yield f"{cause}: it has no inverse; give the step an 'into' to keep its input"
