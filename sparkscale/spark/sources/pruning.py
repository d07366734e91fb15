"""`input.where` on text that stands for numbers: partitions, and columns of CSV that stay as they are written."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import DataFrame

from sparkscale.config.data import Input
from sparkscale.config.predicates import conditions
from sparkscale.config.where import Condition, Where
from sparkscale.errors import DataError
from sparkscale.spark.columns import ref, schema_of
from sparkscale.spark.session.failures import translated
from sparkscale.spark.sources.narrowing import narrowed
from sparkscale.spark.sources.partitions import names

#: Up to here a double holds every whole number.
_EXACT = 2**53


def pruned(df: DataFrame, source: Input, numbers: Collection[str] = ()) -> tuple[DataFrame, Where]:
    """Apply the conditions that compare a partition's text with numbers; return the conditions that are left.

    They hold for the number that the text stands for, so that ``month: 2`` finds ``month=02`` too. The engine decides
    them on the folders' names, and reads no other folder. The column stays text. So it is with columns of ``numbers``:
    text of which each value is the text of a double.
    """
    schema = schema_of(df)
    fields = {field.name: field.type for field in schema.fields}
    asked = [name for name, rule in source.where.items() if fields.get(name) == "string" and _numbers(rule)]
    ours = [name for name in names(df, source) if name in asked] if asked else []
    types = {name: _wide(source.where[name]) for name in ours}
    keys = set(map(schema.key, numbers))
    types |= {name: "double" for name in source.where if schema.key(name) in keys}
    for name, type_ in types.items():
        df = _narrowed(df, name, source.where[name], type_)
    return df, {name: rule for name, rule in source.where.items() if name not in types}


def _wide(rule: object) -> str:
    """Return the type that holds the numbers of a condition."""
    return "double" if all(abs(number) <= _EXACT for number in _numbers(rule)) else "decimal(38,0)"


def _narrowed(df: DataFrame, name: str, rule: object, type_: str) -> DataFrame:
    columns = df.columns
    helper = f"__sparkscale_{name}"
    while helper in columns:
        helper += "_"
    with translated(f"input.where: {name}"):
        wider = df.withColumn(helper, ref(name).try_cast(type_))
        predicates, problems = conditions({helper: rule}, schema_of(wider), "the input")  # type: ignore[dict-item]
        if problems:
            raise DataError.of(problems)
        return narrowed(wider, predicates).select(*[ref(column) for column in columns])


def _numbers(rule: object) -> list[int | float]:
    """Return the numbers that a condition compares with; none where it compares with anything else."""
    parts = rule.parts if isinstance(rule, Condition) else {"eq": rule}
    values = [one for key, value in parts.items() if key not in ("null", "nan") for one in _listed(value)]
    numbers = [one for one in values if isinstance(one, int | float) and not isinstance(one, bool)]
    return numbers if len(numbers) == len(values) else []


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
