"""The steps of a job file: the scaler that a step's kind names reads it, and describes it to editors."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from sparkscale.scalers import base, kinds
from sparkscale.scalers.mismatch import FieldError, Mismatch

#: The type of pydantic's errors that hold a :class:`Mismatch`.
MISMATCH = "step_mismatch"


def _read(data: Any) -> base.Step:
    try:
        return kinds.from_dict(data)
    except FieldError as error:
        raise ValidationError.from_exception_data("step", [_details(item) for item in error.mismatches]) from error


def _details(item: Mismatch) -> InitErrorDetails:
    """Return a mismatch as pydantic's error of the same place."""
    return {"type": PydanticCustomError(MISMATCH, "wrong", {"mismatch": item}), "loc": item.at, "input": None}


#: A step of any kind that is registered when the job file is read; :func:`with_steps` adds its JSON Schema.
AnyStep = Annotated[Any, PlainValidator(_read), WithJsonSchema({"type": "object"})]


def with_steps(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of the job file with every kind of step that is registered now."""
    one, definitions = kinds.json_schema()
    steps = schema["properties"]["steps"] | {"items": one}
    return schema | {
        "$defs": schema["$defs"] | definitions,
        "properties": schema["properties"] | {"steps": steps},
    }
