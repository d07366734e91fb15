"""The fields of steps: what they refuse and in which words, the one form of what they accept, and types of one's own."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from typing_extensions import TypedDict

from sparkscale import LogSoftmax, MinMax, Robust, Softmax, Standard, UnitNorm
from sparkscale.errors import ConfigError, Problem
from sparkscale.scalers.base import Step
from sparkscale.scalers.fields import Rule, kind_of
from sparkscale.scalers.kinds import json_schema
from sparkscale.scalers.mismatch import FieldError, Mismatch, dotted

MAX = 1.7976931348623157e308


def said(step: type[Step], columns: Any, **fields: Any) -> str:
    """Return what a step that must be refused is refused with."""
    with pytest.raises(ConfigError) as caught:
        step(columns, **fields)
    return str(caught.value)


#: Per step, the values that this field of it must refuse.
BAD: list[tuple[type[Step], str, list[Any]]] = [
    (Standard, "columns", [[], "", [""], 5, [5], None, ["a", None]]),
    (Standard, "columns", ["/(/", ["a", "/[/"], {"dtype": "numeric", "except": ["year", "/(/"]}]),
    (Standard, "dtype", ["int", None]),
    (Standard, "nonfinite", ["no", None]),
    (Standard, "empty", ["no", 0]),
    (Standard, "into", ["", 5, True, ["{column}"]]),
    (Standard, "ddof", [2, -1, True, None, "no", 1.0]),
    (Standard, "with_mean", ["false", 0, 1, None]),
    (MinMax, "clip", ["no", 1, None, []]),
    (MinMax, "range", [(1, 0), (0, 0), (0,), (0, 1, 2), "01", None, 5, ("0", "1"), (False, True), (0, math.inf)]),
    (MinMax, "range", [(math.nan, 1), (MAX, -MAX), (0, 10**400), (0, 10**5000), (0, 1 + 0j)]),
    (Robust, "quantile_range", [(75, 25), (-1, 50), (0, 101), (1,), None]),
    (Softmax, "temperature", [0, -1.0, math.inf, math.nan, "1", None, True, 10**400]),
    (LogSoftmax, "nulls", ["no", 0]),
    (LogSoftmax, "undefined", ["no", 0]),
    (UnitNorm, "norm", ["l3", None]),
]


@pytest.mark.parametrize(("step", "name", "values"), BAD)
def test_refuse_bad_field(step: type[Step], name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=rf"^(\d problems:\n  )?{name}[^ ]*: expected .*, found ") as caught:
            step(**{"columns": "x", name: value})
        assert (caught.value.exit_code, caught.value.code) == (78, "CONFIG_VALUE")


@pytest.mark.parametrize(("step", "name"), [(Standard, "empty"), (Softmax, "nulls"), (LogSoftmax, "undefined")])
def test_read_null_as_the_choice_of_that_name(step: type[Step], name: str) -> None:
    assert step(**{"columns": "x", name: None}) == step(**{"columns": "x", name: "null"})
    assert step(**{"columns": "x", name: None}).to_dict()[name] == "null"
    choices = json_schema()[1][step.kind]["properties"][name]["enum"]
    assert {"null", None} <= set(choices)


@pytest.mark.parametrize("selector", [
    {"dtype": "text"}, {"dtype": None}, {"dtyp": "integer"}, {"dtype": "numeric", "but": ["x"]}, {}, {"except": "year"},
    {"except": ["x", 5]}, {"except": ["/(/"]}, {"except": None}, {1: 2},
], ids=str)  # fmt: skip
def test_refuse_bad_choice_by_dtype(selector: Any, snapshot: Any) -> None:
    snapshot("\n".join(said(MinMax, columns) for columns in (selector, ["x", selector])))


def test_find_everything_that_is_wrong_at_once(snapshot: Any) -> None:
    with pytest.raises(FieldError) as caught:
        MinMax(["x", ""], into="", range=(1, "b"), clip="no")  # type: ignore[arg-type]
    snapshot(str(caught.value))
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (type(again), again.problems, str(again)) == (ConfigError, caught.value.problems, str(caught.value))


def test_say_the_rule_of_a_field_whatever_is_wrong(snapshot: Any) -> None:
    snapshot("\n".join(said(MinMax, "x", range=value) for value in (1, [1.0], (1, 0), np.array([2, 1]))))


def test_take_numpy_scalars_as_python_values() -> None:
    taken: list[tuple[Step, Step]] = [
        (Standard("x", ddof=np.int64(1), with_mean=np.bool_(False)), Standard("x", ddof=1, with_mean=False)),  # type: ignore[arg-type]
        (MinMax("x", range=(np.int8(-1), np.float32(0.5))), MinMax("x", range=(-1.0, 0.5))),
        (Robust("x", quantile_range=np.array([5, 95])), Robust("x", quantile_range=(5.0, 95.0))),  # type: ignore[arg-type]
        (UnitNorm(np.array(["x", "y"]), norm=np.str_("l1")), UnitNorm(["x", "y"], norm="l1")),  # type: ignore[arg-type]
        (Softmax({"except": ("x",)}, temperature=np.float64(2)), Softmax({"except": ["x"]}, temperature=2)),  # type: ignore[typeddict-item]
    ]
    for step, same in taken:
        assert repr(step) == repr(same)
        assert json.dumps(step.to_dict()) == json.dumps(same.to_dict())


def test_normalize_fields() -> None:
    assert repr(MinMax("x", range=(-1, -0.0)).range) == "(-1.0, 0.0)"
    assert repr(Robust("x", quantile_range=[5, 95]).quantile_range) == "(5.0, 95.0)"  # type: ignore[arg-type]
    assert repr(Softmax("x", temperature=2).temperature) == "2.0"


def test_pass_row_fields_on_to_the_map() -> None:
    map_ = LogSoftmax("s_*", temperature=2, nulls="mask", undefined="zeros", nonfinite="error").solve_row()
    assert (map_.temperature, map_.nulls, map_.undefined, map_.nonfinite, map_.log) == (
        2.0,
        "mask",
        "zeros",
        "error",
        True,
    )
    assert Softmax("s_*").solve_row().log is False
    assert UnitNorm("s_*", norm="max", nonfinite="error").solve_row().to_dict() == {
        "kind": "unit_norm",
        "nonfinite": "error",
        "norm": "max",
    }


class Point(TypedDict, total=False):
    x: float
    name: str


#: A type hint, its JSON Schema, values with what they are read as, and values with what is said of them.
TYPES: list[tuple[Any, dict[str, Any], list[tuple[Any, Any]], list[tuple[Any, str]]]] = [
    (bool, {"type": "boolean"}, [(True, True), (np.False_, False)], [(1, ": expected true or false, found 1")]),
    (int, {"type": "integer"}, [(3, 3), (np.int8(3), 3)], [(True, ": expected a whole number, found true"),
                                                          (1.0, ": expected a whole number, found 1.0")]),
    (float, {"type": "number"}, [(3, 3.0), (np.float32(0.5), 0.5)], [("3", ": expected a finite number, found '3'")]),
    (str, {"type": "string"}, [("", ""), (np.str_("a"), "a")], [(None, ": expected a string, found null")]),
    (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}, [(None, None), (3, 3)],
     [("a", ": expected a whole number, found 'a'")]),
    (list[int], {"type": "array", "items": {"type": "integer"}}, [((1, 2), [1, 2]), ([], [])],
     [([1, "a"], "[1]: expected a whole number, found 'a'"), (5, ": expected a list, found 5")]),
    (tuple[str, bool], {"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}], "minItems": 2, "maxItems": 2},
     [(["a", True], ("a", True))], [(["a"], ': expected 2 values, found ["a"]'), ("ab", ": expected 2 values, found 'ab'")]),
    (Literal["a", "b", 3], {"enum": ["a", "b", 3]}, [("a", "a"), (3, 3)],
     [("aa", ": expected 'a', 'b' or 3, found 'aa'; did you mean 'a'?"), (3.0, ": expected 'a', 'b' or 3, found 3.0")]),
    (Literal["a"], {"const": "a"}, [("a", "a")], [(1, ": expected 'a', found 1")]),
    (Point, {"type": "object", "properties": {"x": {"type": "number"}, "name": {"type": "string"}}, "additionalProperties": False},
     [({"x": 1}, {"x": 1.0}), ({}, {})], [({"name": 1}, ".name: expected a string, found 1"), (1, ": expected a mapping, found 1"),
                                         ({"nam": "a"}, ".nam: unknown key 'nam'; did you mean 'name'?")]),
    (Annotated[int, Rule("an even number", lambda number: number % 2 == 0, {"multipleOf": 2})],
     {"type": "integer", "multipleOf": 2}, [(4, 4)],
     [(3, ": expected an even number, found 3"), ("a", ": expected an even number, found 'a'")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("hint", "schema", "right", "wrong"), TYPES, ids=[json.dumps(schema) for _, schema, *_ in TYPES]
)
def test_read_and_describe_a_type(
    hint: Any, schema: dict[str, Any], right: list[tuple[Any, Any]], wrong: list[tuple[Any, str]]
) -> None:
    kind = kind_of(hint)
    assert kind.schema() == schema
    found: list[Mismatch] = []
    for value, expected in right:
        read = kind.read(value, ("f",), found)
        assert (read, type(read)) == (expected, type(expected))
    assert found == []
    for value, said in wrong:
        found.clear()
        kind.read(value, ("f",), found)
        assert [str(mismatch.problem(dotted(mismatch.at))) for mismatch in found] == [f"f{said}"]


@pytest.mark.parametrize(
    "hint", [complex, dict, dict[str, int], int | str, int | str | None, list, object, Sequence[int]]
)
def test_refuse_a_type_that_no_field_can_have(hint: Any) -> None:
    with pytest.raises(TypeError, match=r"expected .*, found "):
        kind_of(hint)


def test_hide_what_was_found() -> None:
    mismatch = Mismatch(("a", 0), "expected x", {"k": "secret"}, "try x")
    assert mismatch.problem("f: a[0]", lambda found: {**found, "k": "***"}) == Problem(
        "CONFIG_VALUE", 'f: a[0]: expected x, found {"k": "***"}', "try x"
    )
