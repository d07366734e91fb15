"""The plan of a pipeline in a commit: its steps with the columns they found, as an artifact has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sparkscale.artifact import values
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, Field, Schema
from sparkscale.scalers.kinds import from_dict

#: Arrays of a commit are not longer: each position is an object in memory, and a row of a data file.
LONGEST = 1_000_000


def to_json(planned: Plan) -> dict[str, Any]:
    """Return a plan as JSON values."""
    return {
        "weight": planned.weight,
        "sketch": "all" if planned.sketch_all else "needed",
        "columns": [{"name": c.name, "type": c.type, "nullable": c.nullable} for c in planned.schema.top],
        "steps": [
            {
                "step": one.step.to_dict(),
                "inputs": [{"path": list(column.path), "type": column.type} for column in one.inputs],
                "outputs": list(one.outputs),
                **({"lengths": list(one.lengths)} if one.lengths else {}),
            }
            for one in planned.steps
        ],
    }


def from_json(data: Mapping[str, Any]) -> Plan:
    """Read what :func:`to_json` wrote; raises ValueError, TypeError, KeyError or a FieldError of a step."""
    if set(data) != {"weight", "sketch", "columns", "steps"} or data["sketch"] not in ("all", "needed"):
        raise ValueError(f"a pipeline of {sorted(data)!r:.80}")
    weight = data["weight"]
    steps = tuple(map(_step, values.items(data["steps"])))
    columns = (
        Field(values.text(item["name"]), values.text(item["type"]), nullable=bool(item["nullable"]))
        for item in values.items(data["columns"])
    )
    weight = None if weight is None else values.text(weight)
    planned = Plan(Schema(tuple(columns)), steps, weight=weight, sketch_all=data["sketch"] == "all")
    if any(len(one.lengths) not in {0, len(one.inputs) if one.by_position else 0} for one in steps):
        raise ValueError("lengths that are not those of the arrays of a step")
    names = set(planned.schema.names)
    if not all(one.inputs and one.mapped for one in steps):
        raise ValueError("a step without columns")
    if odd := [column.name for one in steps for column in one.inputs if column.path[0] not in names]:
        raise ValueError(f"a step that reads {odd[0]!r:.80}, which is not among the columns")
    return planned


def _step(item: Mapping[str, Any]) -> PlannedStep:
    inputs = (Column(values.texts(one["path"]), values.text(one["type"])) for one in values.items(item["inputs"]))
    made = PlannedStep(from_dict(item["step"]), tuple(inputs), values.texts(item["outputs"]))
    lengths = tuple(values.items(item["lengths"])) if "lengths" in item else ()
    if any(type(length) is not int or not 0 < length <= LONGEST for length in lengths):
        raise ValueError(f"arrays of lengths {lengths!r:.80}")
    return replace(made, lengths=lengths)
