"""Softmax steps that tell of their rows, and masks: plans, artifacts, merges and the NumPy engine."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import sparkscale as ss
from sparkscale.artifact import document
from sparkscale.errors import ConfigError, DataError
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.pipeline.schema import Field, Schema
from sparkscale.pipeline.schema_drift import Policy

INF, NAN = math.inf, math.nan
ALL = {"label": "winner", "confidence": "p", "margin": "gap", "entropy": "h"}
SCHEMA = Schema((
    Field("a", "double"), Field("b", "int"), Field("s", "array<float>"), Field("m", "array<boolean>"), Field("P", "int"),
    Field("flags", "array<int>"),
))  # fmt: skip
TABLE: dict[str, Any] = {
    "a": [2.0, 1.0, -INF, NAN, None], "b": [1.0, 1.0, -INF, 1.0, 1.0],
    "s": [[2.0, 1.0, 0.0], [], None, [5.0, None], [1.0, 4.0]],
    "m": [[True, False, True], [], [True], None, [None, True]],
}  # fmt: skip


def planned(*steps: Any) -> Plan:
    return plan(steps, SCHEMA, "scores")


def plain(column: Any) -> Any:
    return [plain(row) if isinstance(row, np.ndarray) else row for row in column.tolist()]


def transformed(*steps: Any) -> dict[str, Any]:
    """Return what steps add to the table."""
    found = ss.Pipeline(steps).fit_arrays(TABLE).transform_arrays(TABLE)
    return {name: plain(column) for name, column in found.items() if column is not TABLE.get(name)}


# --- the fields -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fields", "text"), [
    ({"outputs": {"lable": "x"}}, "outputs.lable: unknown key 'lable'; did you mean 'label'?"),
    ({"outputs": {}}, "outputs: expected a column's name for label, confidence, margin or entropy, found {}"),
    ({"outputs": {"label": ""}}, "outputs.label: expected the name of a column, found ''"),
    ({"outputs": {"margin": 5}}, "outputs.margin: expected the name of a column, found 5"),
    ({"mask": ""}, "mask: expected the name of a column, found ''"),
])  # fmt: skip
def test_refuse_fields(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ss.Softmax("s", **fields)
    assert str(caught.value) == text


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_add_columns_beside_probabilities_or_instead_of_them() -> None:
    beside = planned(ss.Softmax(["a", "b"], outputs={**ALL, "confidence": "c"}, into="p_{column}", dtype="float32"))
    assert beside.output_names == [*SCHEMA.names, "p_a", "p_b", "winner", "c", "gap", "h"]
    types = beside.output_types
    assert [types[name] for name in ("p_b", "winner", "c", "h")] == ["float", "string", "float", "float"]
    (step,) = beside.steps
    assert (step.main, step.outputs) == (("p_a", "p_b"), ("p_a", "p_b", "winner", "c", "gap", "h"))
    instead = planned(ss.LogSoftmax("s", outputs={"entropy": "h", "label": "i"}))
    assert instead.output_names == [*SCHEMA.names, "i", "h"]
    types = instead.output_types
    assert [types[name] for name in ("s", "i", "h")] == ["array<float>", "bigint", "double"]
    assert instead.steps[0].main == ()


def test_read_the_mask_beside_the_scores() -> None:
    (step,) = planned(ss.Softmax("s", mask="m", outputs={"label": "i"}, into="q")).steps
    assert [[column.name for column in part] for part in (step.mapped, step.beside)] == [["s"], ["m"]]
    assert (step.main, step.outputs, step.types) == (("q",), ("q", "i"), ("array<double>", "bigint"))


WRONG: list[tuple[list[Any], str, str]] = [
    ([ss.Softmax("s", outputs={"label": "a"})], "SCHEMA_CLASH",
     "step 1 (softmax) would write 'a', which the input already has; choose another name in 'outputs'"),
    ([ss.Softmax("s", outputs={"label": "p"}, into="q")], "SCHEMA_CLASH", "would write 'p', which the input already has"),
    ([ss.Softmax("s", outputs={"label": "x", "margin": "X"})], "SCHEMA_CLASH",
     "more than one output would be named 'x', by step 1 (softmax); give each output a name of its own in 'outputs'"),
    ([ss.Softmax("s", outputs={"label": "q"}, into="q")], "SCHEMA_CLASH", "more than one output would be named 'q'"),
    ([ss.MinMax("a", into="h"), ss.Softmax("s", outputs={"entropy": "h"})], "SCHEMA_CLASH",
     "named 'h', by step 1 (minmax) and step 2 (softmax)"),
    ([ss.Softmax(["a", "b"], mask="m")], "SCHEMA_TYPE",
     "step 1 (softmax): expected an array column of scores for mask 'm', found column 'a', which is double; remove the mask"),
    ([ss.Softmax("s", mask="flags")], "SCHEMA_TYPE",
     "expected a mask of booleans, array<boolean>, but column 'flags' is array<int>"),
    ([ss.Softmax("s", mask="flag")], "SCHEMA_MISSING", "column 'flag' is not in scores; did you mean 'flags'?"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "code", "text"), WRONG)
def test_refuse_what_does_not_fit(steps: list[Any], code: str, text: str) -> None:
    with pytest.raises(DataError) as caught:
        planned(*steps)
    ((found, said),) = [(problem.code, str(problem)) for problem in caught.value.problems]
    assert (found, text in said) == (code, True), said


def test_bind_to_a_table_that_differs() -> None:
    fitted = ss.Pipeline([ss.Softmax("s", mask="m", outputs={"label": "i"})]).fit_arrays(TABLE)
    other = Schema((Field("M", "array<boolean>"), Field("S", "array<float>")), case_sensitive=True)
    (step,) = fitted.plan(other, Policy.of("ignore")).steps
    assert [column.name for column in step.inputs] == ["S", "M"]
    assert step.outputs == ("i",)
    (inplace,) = ss.Pipeline([ss.Softmax("s", mask="m")]).fit_arrays(TABLE).plan(other, Policy.of("ignore")).steps
    assert inplace.outputs == ("S",)
    for fields in ([Field("s", "array<float>")], [Field("s", "array<float>"), Field("m", "array<int>")],
                   [Field("s", "array<float>"), Field("m", "array<boolean>"), Field("i", "int")]):  # fmt: skip
        with pytest.raises(DataError, match=r"'m' is not in|column 'm' is array<int>|would write 'i'"):
            fitted.plan(Schema(tuple(fields)), Policy.of("ignore"))


# --- NumPy --------------------------------------------------------------------------------------------------------------


def test_tell_of_columns() -> None:
    found = transformed(ss.Softmax(["a", "b"], outputs=ALL))
    assert list(found) == ["winner", "p", "gap", "h"]
    assert found["winner"] == ["a", "a", None, None, None]
    p = 1 / (1 + math.exp(-1))
    assert found["p"] == pytest.approx([p, 0.5, None, NAN, None], nan_ok=True)
    assert found["gap"] == pytest.approx([2 * p - 1, 0.0, None, NAN, None], nan_ok=True)
    assert found["h"] == pytest.approx(
        [-p * math.log(p) - (1 - p) * math.log(1 - p), math.log(2), None, NAN, None], nan_ok=True
    )


def test_tell_of_an_array_and_keep_types() -> None:
    fitted = ss.Pipeline([ss.Softmax("s", outputs=ALL, into="q", dtype="float32", nulls="mask")]).fit_arrays(TABLE)
    found = fitted.transform_arrays(TABLE)
    assert found["winner"].tolist() == [0, None, None, 0, 1]
    assert [found[name].dtype.kind + str(found[name].dtype.itemsize) for name in ("winner", "p")] == ["i8", "f4"]
    assert [row and len(row) for row in plain(found["q"])] == [3, [], None, 2, 2]
    assert fitted.get_feature_names_out() == ["q", "winner", "p", "gap", "h"]


def test_leave_out_what_a_mask_does() -> None:
    (found,) = transformed(ss.Softmax("s", mask="m")).values()
    p = 1 / (1 + math.exp(-2))
    assert found == [pytest.approx([p, None, 1 - p]), [], None, [None, None], [None, 1.0]]


@pytest.mark.parametrize(("nulls", "expected"), [("null", [None] * 3), ("mask", [0.5, None, 0.5])])
def test_keep_the_rule_of_nulls_under_a_mask(nulls: Any, expected: list[Any]) -> None:
    data = {"s": [[1.0, None, 1.0], [None, 1.0, 1.0]], "m": [[True] * 3, [False, True, True]]}
    found = ss.Pipeline([ss.Softmax("s", mask="m", nulls=nulls)]).fit_arrays(data).transform_arrays(data)["s"]
    assert found.tolist() == [expected, [None, 0.5, 0.5]]


@pytest.mark.parametrize("mask", [
    np.array([[True, False], [False, True]]), [[True, False], [False, True]], pa.array([[True, False], [None, True]]),
    [np.array([True, False]), [None, True]], [[True, None], [False, True]],
])  # fmt: skip
def test_accept_masks_of_every_form(mask: Any) -> None:
    for scores in (np.zeros((2, 2)), [[0.0, 0.0]] * 2, [np.zeros(2), (0.0, 0.0)]):
        data = {"s": scores, "m": mask}
        found = ss.Pipeline([ss.Softmax("s", mask="m")]).fit_arrays(data).transform_arrays(data)["s"]
        assert found.tolist() == [[1.0, None], [None, 1.0]]


@pytest.mark.parametrize(
    "mask", [[None, None], [[None, None], None], [[None, None]] * 2, np.ma.masked_all((2, 2), dtype=bool)]
)
def test_leave_all_out_where_nothing_is_true(mask: Any) -> None:
    data = {"s": [[1.0, 2.0], [3.0, 4.0]], "m": mask}
    fitted = ss.Pipeline([ss.Softmax("s", mask="m", outputs=ALL, into="q")]).fit_arrays(data)
    found = fitted.transform_arrays(data)
    assert found["q"].tolist() == [[None, None]] * 2
    assert [found[name].tolist() for name in ALL.values()] == [[None, None]] * 4


def test_count_masks_of_another_length() -> None:
    data = {"s": [[1.0, 2.0], [1.0], None, [1.0, 2.0], []], "m": [[True], [True, False], [True], None, [True]]}
    fitted = ss.Pipeline([ss.Standard("x"), ss.Softmax("s", mask="m")]).fit_arrays(data | {"x": [1.0] * 5})
    with pytest.raises(DataError) as caught:
        fitted.transform_arrays(data | {"x": [1.0] * 5})
    assert (caught.value.code, caught.value.exit_code) == ("DATA_LENGTH", 65)
    assert str(caught.value) == (
        "step 2: expected mask 'm' to be as long as the scores 's' of its row, found another length in 3 of 5 rows; "
        "fix those rows, or make their mask null, which leaves all scores out"
    )


def test_refuse_only_scores_that_take_part() -> None:
    data = {"s": [[1.0, INF]], "m": [[True, False]]}
    fitted = ss.Pipeline([ss.Softmax("s", mask="m", nonfinite="error")]).fit_arrays(data)
    assert fitted.transform_arrays(data)["s"].tolist() == [[1.0, None]]
    with pytest.raises(DataError, match="expected finite scores"):
        fitted.transform_arrays(data | {"m": [[True, True]]})


# --- artifacts, merges, inverses ------------------------------------------------------------------------------------------


STEPS = [ss.Softmax(["a", "b"], outputs=ALL, into="p_{column}"), ss.LogSoftmax("s", mask="m", outputs={"label": "i"})]


def test_keep_outputs_in_the_artifact() -> None:
    fitted = ss.Pipeline(STEPS).fit_arrays(TABLE)
    loaded = document.load(document.dump(fitted))
    assert loaded == fitted
    assert (
        repr(loaded)
        == repr(fitted)
        == (
            "Fitted on no rows (row steps need none), 2 steps\n"
            "  softmax: a, b -> p_a, p_b: softmax(x)\n"
            "  softmax: a, b -> winner, p, gap, h: label, confidence, margin, entropy of softmax(x)\n"
            "  log_softmax: s where m -> i: label of log_softmax(x)"
        )
    )
    assert loaded.get_feature_names_out() == ["p_a", "p_b", "winner", "p", "gap", "h", "i"]
    steps = json.loads(document.dump(fitted))["steps"]
    assert [step["outputs"] for step in steps] == [["p_a", "p_b", *ALL.values()], ["i"]]
    assert (steps[0]["step"]["outputs"], steps[1]["step"]["mask"]) == (ALL, "m")


@pytest.mark.parametrize("outputs", [("p_a", "p_b"), ("p_a", *ALL.values()), ("p_a", "p_b", *reversed(ALL.values()))])
def test_refuse_artifacts_of_other_outputs(outputs: tuple[str, ...]) -> None:
    fitted = ss.Pipeline(STEPS[:1]).fit_arrays(TABLE)
    steps = (dataclasses.replace(fitted.steps[0], outputs=outputs),)
    with pytest.raises(DataError, match="its content is not that of an artifact"):
        document.load(document.dump(dataclasses.replace(fitted, steps=steps)))


def test_refuse_artifacts_without_the_mask() -> None:
    fitted = ss.Pipeline(STEPS[1:]).fit_arrays(TABLE)
    steps = (dataclasses.replace(fitted.steps[0], inputs=fitted.steps[0].inputs[:1]),)
    with pytest.raises(DataError, match="its content is not that of an artifact"):
        document.load(document.dump(dataclasses.replace(fitted, steps=steps)))


def test_merge_and_invert_leave_outputs_alone() -> None:
    steps = [ss.MinMax("b"), *STEPS]
    data = {**TABLE, "b": [1.0, 2.0, 3.0, 4.0, 5.0]}
    parts = [ss.Pipeline(steps).fit_arrays({k: v[part] for k, v in data.items()}) for part in (slice(2), slice(2, 5))]
    whole = ss.merge(parts)
    assert whole.maps == ss.Pipeline(steps).fit_arrays(data).maps
    scaled = whole.transform_arrays(data)
    back = whole.inverse_transform_arrays(scaled)
    assert list(back) == [*TABLE, "p_a", "p_b", *ALL.values(), "i"]
    assert back["b"].tolist() == data["b"]
    assert back["winner"] is scaled["winner"]
    with pytest.raises(DataError, match="two values of outputs in step 1: "):
        ss.merge([ss.Pipeline([ss.Softmax(["a", "b"], outputs={"label": name})]).fit_arrays(TABLE) for name in "xy"])
