"""Spark passes every conformance case, by each of its engines: all cases in one table, as a case costs seconds alone."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

import sparkscale as ss
from sparkscale.pipeline import row_steps
from sparkscale.pipeline.fitted import Engine, Fitted
from sparkscale.scalers.kinds import from_dict
from tests.conformance import Case, cases

#: What fills nulls would learn from those behind its rows: such a case goes alone.
ALONE = [case for case in cases() if case.name.startswith("chain: impute")]
CASES = {f"case {number} ": case for number, case in enumerate(cases()) if not case.name.startswith("chain: impute")}
ROWS = max(len(values) for case in CASES.values() for values in [*case.fit.values(), *case.transform.values()])

LABELS = {
    f"{prefix}{label}"
    for prefix, case in CASES.items()
    for step in case.pipeline.steps
    if (label := row_steps.label(step)) is not None
}


def frame(spark: SparkSession, columns: dict[str, list[Any]]) -> DataFrame:
    """Return a DataFrame of doubles, arrays, and labels, in which NaN and null are two things."""
    arrays = {name: pa.array(values, type_of(name, values)) for name, values in columns.items()}
    return spark.createDataFrame(pa.table(arrays))


def type_of(name: str, values: list[Any]) -> pa.DataType:
    """Return the type of a column: strings, arrays of booleans or doubles, integers of labels, else doubles."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, list):
        return pa.list_(pa.bool_() if isinstance(next(iter(first), None), bool) else pa.float64())
    if isinstance(first, str):
        return pa.string()
    return pa.int64() if name in LABELS else pa.float64()


def together(which: str) -> dict[str, list[Any]]:
    """Return the columns of all cases, with nulls behind the rows of the shorter ones."""
    columns = {prefix + name: values for prefix, case in CASES.items() for name, values in getattr(case, which).items()}
    for prefix, case in CASES.items():  # a label names its class's column
        for name in LABELS & {prefix + own for own in getattr(case, which)}:
            columns[name] = [prefix + label if isinstance(label, str) else label for label in columns[name]]
    return {name: values + [None] * (ROWS - len(values)) for name, values in columns.items()}


def renamed(case: Case, prefix: str) -> list[ss.Pipeline]:
    """Return the steps of a case over its columns in the table."""
    return [from_dict(_renamed(step.to_dict(), prefix)) for step in case.pipeline.steps]  # type: ignore[misc]


def _renamed(step: dict[str, Any], prefix: str) -> dict[str, Any]:
    into = step["into"]
    named = into if into is None or "{column}" in into else prefix + into
    names = {"mask": prefix + step["mask"]} if step.get("mask") else {}
    if isinstance(step.get("temperature"), dict):
        names["temperature"] = {"fit": prefix + step["temperature"]["fit"]}
    if step.get("by"):
        names["by"] = [prefix + name for name in step["by"]]
    return step | {"columns": [prefix + name for name in step["columns"]], "into": named} | names


@pytest.fixture(scope="module")
def fitted(spark: SparkSession) -> Fitted:
    steps: Any = [step for prefix, case in CASES.items() for step in renamed(case, prefix)]
    return ss.Pipeline(steps).fit(frame(spark, together("fit")))


@pytest.mark.parametrize("engine", ["auto", "arrow", "pandas"])
def test_pass_every_case(spark: SparkSession, fitted: Fitted, engine: Engine) -> None:
    found = fitted.transform(frame(spark, together("transform")), engine).toArrow().to_pydict()
    for prefix, case in CASES.items():
        rows = len(next(iter(case.transform.values())))
        own = {name.removeprefix(prefix): values for name, values in found.items() if name.startswith(prefix)}
        case.check({name: own[name][:rows] for name in case.output})


@pytest.mark.parametrize("case", ALONE, ids=lambda case: case.name)
def test_pass_a_case_alone(spark: SparkSession, case: Case) -> None:
    fitted = case.pipeline.fit(frame(spark, case.fit))
    case.check(fitted.transform(frame(spark, case.transform)).toArrow().to_pydict())
