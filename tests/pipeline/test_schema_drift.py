"""Schema drift: which differences of a table are found, of which kind they are, and what each policy makes of them."""

from __future__ import annotations

import dataclasses
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import document
from sparkscale.config import jobfile
from sparkscale.config.models import JobConfig, SchemaDrift
from sparkscale.errors import ConfigError, DataError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.schema import Field, Schema, common, holds
from sparkscale.pipeline.schema_drift import Policy

KINDS = [item.name for item in fields(Policy)]
#: Of the fit: `x`, `n`, `s.y` and `v` are read, `name` and `id` are not.
WAS = {"id": "bigint", "x": "double", "n": "int", "name": "string", "v": "array<double>"}


def table(**columns: str) -> Schema:
    """Return a schema; a type that ends with ``!`` is NOT NULL, ``{y double}`` is a struct of one field."""
    return Schema(tuple(field(name, type_) for name, type_ in columns.items()))


def field(name: str, type_: str) -> Field:
    if type_.startswith("{"):
        return Field(name, "struct", (Field(*type_.strip("{}").split()),))
    return Field(name, type_.rstrip("!"), nullable=not type_.endswith("!"))


def fitted(schema: Schema, *steps: Any) -> Fitted:
    """Return what was fitted with these steps on a table of that schema; its numbers do not matter here."""
    found = ss.Pipeline(steps).fit_arrays({name: [0.0, 1.0] for name in ("x", "n", "s.y")} | {"v": [[1.0], [2.0]]})
    paths = {("s.y",): ("s", "y")}
    steps_ = tuple(
        dataclasses.replace(planned, inputs=tuple(
            dataclasses.replace(c, path=paths.get(c.path, c.path), type=schema.find(c.name).type) for c in planned.inputs  # type: ignore[union-attr]
        )) for planned in found.steps
    )  # fmt: skip
    return dataclasses.replace(found, steps=steps_, columns=schema.top)


FIT = fitted(table(**WAS), ss.MinMax(["x", "n"]), ss.Standard("n", into="n_z"), ss.Softmax("v", into="p"))
NESTED = fitted(table(s="{y double}", x="double!"), ss.MinMax("s.y", into="y"), ss.MaxAbs("x"))

_COLUMNS = {f"c{number}": [0.0, 1.0] for number in range(10)}
WIDE = ss.Pipeline([ss.MinMax([*_COLUMNS])]).fit_arrays(_COLUMNS)
WIDE = dataclasses.replace(WIDE, columns=table(**dict.fromkeys(_COLUMNS, "double!")).fields)


def now(**changed: str | None) -> Schema:
    """Return the schema of the fit with some types changed, columns added, or (None) gone."""
    return table(**{name: type_ for name, type_ in (WAS | changed).items() if type_})


def renamed(**names: str) -> Schema:
    """Return the schema of the fit with other names."""
    return table(**{names.get(name, name): type_ for name, type_ in WAS.items()})


#: What differs: the kind, the fit, and the table. What is said is in the snapshot.
DIFFERENCES: list[tuple[str, Fitted, Schema]] = [
    ("extra", FIT, now(more="string")),
    ("extra", FIT, now(a="int", b="date")),
    ("extra", FIT, now(**{f"c{i}": "int" for i in range(10)})),
    ("extra", FIT, now(X="double")),
    ("dropped", FIT, now(name=None)),
    ("dropped", FIT, now(name=None, id=None)),
    ("reordered", FIT, table(**dict(reversed(WAS.items())))),
    ("reordered", FIT, table(**{"x": "double", "id": "bigint"} | WAS)),
    ("case", FIT, renamed(x="X")),
    ("case", FIT, renamed(v="V")),
    ("case", NESTED, table(s="{Y double}", x="double!")),
    ("case", NESTED, table(S="{y double}", x="double!")),
    ("widened", FIT, now(n="bigint")),
    ("widened", FIT, now(n="double")),
    ("widened", FIT, now(n="decimal(12,2)")),
    ("narrowed", FIT, now(x="float")),
    ("narrowed", FIT, now(x="int")),
    ("narrowed", FIT, now(n="boolean")),
    ("narrowed", FIT, now(v="array<float>")),
    ("narrowed", NESTED, table(s="{y float}", x="double!")),
    ("retyped", FIT, now(x="bigint")),
    ("retyped", FIT, now(x="decimal(9,2)")),
    ("retyped", FIT, now(n="float")),
    ("retyped", FIT, now(v="array<bigint>")),
    ("case", FIT, renamed(x="X", n="N")),
    ("narrowed", WIDE, table(**dict.fromkeys(WIDE.stats, "int!"))),
    ("nullability", WIDE, table(**dict.fromkeys(WIDE.stats, "double"))),
    ("nullability", NESTED, table(s="{y double}", x="double")),
]  # fmt: skip
IDS = [f"{kind}-{number}" for number, (kind, *_) in enumerate(DIFFERENCES)]


def planned(known: Fitted, schema: Schema, **actions: Any) -> Plan:
    """Return the plan for a table, where nothing may pass but by the actions."""
    return known.plan(schema, dataclasses.replace(Policy.of("error"), **actions), "new")


def refused(known: Fitted, schema: Schema, **actions: Any) -> list[tuple[str, str]]:
    """Return code and text of every problem."""
    with pytest.raises(DataError) as caught:
        planned(known, schema, **actions)
    assert caught.value.exit_code == 65
    return [(problem.code, str(problem)) for problem in caught.value.problems]


@pytest.mark.parametrize(("kind", "known", "schema"), DIFFERENCES, ids=IDS)
def test_find_one_difference_of_one_kind(kind: str, known: Fitted, schema: Schema, snapshot: Any) -> None:
    ((code, text),) = refused(known, schema)
    assert code == "SCHEMA_DRIFT"
    snapshot(text)
    assert f" ({kind}); " in text
    assert text.endswith(f", or set schema_drift: {{{kind}: warn}} in the job file")
    (warning,) = planned(known, schema, **{kind: "warn"}).warnings
    assert warning == text.partition(";")[0]
    assert planned(known, schema, **{kind: "ignore"}).warnings == ()


@pytest.mark.parametrize("known", [FIT, NESTED])
def test_find_no_difference_in_the_same_table(known: Fitted) -> None:
    schema = table(**WAS) if known is FIT else table(s="{y double}", x="double!")
    assert planned(known, schema).steps == known.steps


@pytest.mark.parametrize(("known", "schema"), [
    (FIT, now(name="date", id="string")),  # columns that no step reads pass through as they are
    (FIT, now(x="double!")),
    (NESTED, Schema((Field("s", "struct", (Field("y", "double"), Field("more", "double"))), Field("x", "double", nullable=False)))),
], ids=["types of others", "never null", "more in a struct"])  # fmt: skip
def test_take_for_no_difference(known: Fitted, schema: Schema) -> None:
    assert planned(known, schema).warnings == ()


def test_tell_other_types_apart() -> None:
    texts = FIT.plan(now(x="float", n="boolean", v="array<float>")).warnings
    assert list(texts) == [
        "column 'x': expected double as in the fit, found float in the input (narrowed)",
        "column 'n': expected int as in the fit, found boolean in the input (narrowed)",
        "column 'v': expected array<double> as in the fit, found array<float> in the input (narrowed)",
    ]


def test_do_by_default_what_users_want() -> None:
    quiet = now(more="int", name=None, id=None, n="bigint")
    assert FIT.plan(quiet).warnings == ()
    assert FIT.plan(table(**dict(reversed(WAS.items())))).warnings == ()
    assert NESTED.plan(table(s="{y double}", x="double")).warnings == ()
    loud = FIT.plan(now(x="bigint", v="array<float>")).warnings
    assert [text.rpartition(" ")[2] for text in loud] == ["(retyped)", "(narrowed)"]
    with pytest.raises(
        DataError, match=r"^column 'x': expected the case of the fit, found 'X' in the input \(case\); "
    ):
        FIT.plan(renamed(x="X"))


#: Tables that lack a column; `vv` is of another type.
MISSING: list[Schema] = [
    now(x=None),
    renamed(v="vv"),
    now(v=None, vv="array<float>"),
]


@pytest.mark.parametrize("schema", MISSING)
def test_refuse_table_without_a_feature_under_every_policy(schema: Schema, snapshot: Any) -> None:
    for action in ("error", "warn", "ignore"):
        with pytest.raises(DataError) as caught:
            FIT.plan(schema, Policy.of(action), "new")
        first = caught.value.problems[0]
        assert first.code == "SCHEMA_MISSING"
        snapshot(str(first))


def test_guess_each_new_column_once() -> None:
    known = ss.Pipeline([ss.MinMax(["rate_1", "rate_2"])]).fit_arrays({"rate_1": [0.0, 1.0], "rate_2": [0.0, 1.0]})
    texts = [text for _, text in refused(known, table(rate_3="double", rate_4="double"))]
    assert sorted(text.partition("? ")[0].rpartition(" ")[2] for text in texts) == ["'rate_3'", "'rate_4'"]
    ((code, text), (other, more)) = refused(known, table(rate_3="double", other="double"), extra="ignore")
    assert (code, other) == ("SCHEMA_MISSING", "SCHEMA_MISSING")
    assert ("renamed to 'rate_3'?" in text) != ("renamed to 'rate_3'?" in more)


def test_guess_for_the_first_of_many() -> None:
    names = [f"rate_{number}" for number in range(25)]
    known = ss.Pipeline([ss.MinMax(names)]).fit_arrays({name: [0.0, 1.0] for name in names})
    texts = [text for _, text in refused(known, table(**dict.fromkeys(["RATE"], "double")), extra="ignore")]
    assert [text.rpartition("; ")[2] for text in texts] == ["its columns are 'RATE'"] * 25
    texts = [text for _, text in refused(known, table(**{f"{name}_": "double" for name in names}), extra="ignore")]
    assert ["renamed to" in text for text in texts] == [True] * 20 + [False] * 5
    texts = [text for _, text in refused(known, table(**{f"{name}_": "float" for name in names}), extra="ignore")]
    assert ["did you mean" in text for text in texts] == [True] * 20 + [False] * 5
    assert texts[-1].endswith("; its columns are " + ", ".join(f"'{name}_'" for name in names[:8]) + " and 17 more")


def test_tell_a_column_that_was_renamed_not_as_an_extra() -> None:
    assert [code for code, _ in refused(FIT, renamed(v="vv"))] == ["SCHEMA_MISSING"]


@pytest.mark.parametrize("type_", ["string", "date", "array<string>", "struct", "map"])
def test_refuse_what_cannot_be_scaled_under_every_policy(type_: str) -> None:
    for action in ("error", "ignore"):
        with pytest.raises(DataError) as caught:
            FIT.plan(now(x=type_), Policy.of(action), "new")  # type: ignore[arg-type]
        assert [str(problem).partition(";")[0] for problem in caught.value.problems] == [
            f"step 1 (minmax): expected numbers, but column 'x' is {type_}"
        ]


@pytest.mark.parametrize(("type_", "code"), [
    ("double", "SCHEMA_ONE_SCORE"), ("array<string>", "SCHEMA_TYPE"), ("string", "SCHEMA_TYPE"),
])  # fmt: skip
def test_refuse_scores_that_are_no_array_of_numbers(type_: str, code: str) -> None:
    assert [found for found, _ in refused(FIT, now(v=type_))] == [code]


def test_say_everything_at_once() -> None:
    schema = table(n="double", X="float", more="string", name="string")
    found = refused(FIT, schema)
    assert [(code, text.partition(";")[0].rpartition("(")[2]) for code, text in found] == [
        ("SCHEMA_MISSING", "column 'v' is not in new"),
        ("SCHEMA_DRIFT", "case)"), ("SCHEMA_DRIFT", "narrowed)"), ("SCHEMA_DRIFT", "widened)"),
        ("SCHEMA_DRIFT", "dropped)"), ("SCHEMA_DRIFT", "extra)"), ("SCHEMA_DRIFT", "reordered)"),
    ]  # fmt: skip


# --- names in another case ---------------------------------------------------------------------------------------


def test_write_in_place_under_the_name_of_the_table() -> None:
    here = FIT.plan(renamed(x="X", n="N"), Policy.of("ignore"))
    assert here.output_names == ["id", "X", "N", "name", "v", "n_z", "p"]  # what `into` names keeps its name
    assert [[c.name for c in step.inputs] for step in here.steps] == [["X", "N"], ["N"], ["v"]]
    known = FIT.on(here)
    assert known.get_feature_names_out() == ["X", "N", "n_z", "p"]
    assert (list(known.stats), known.columns) == (["N", "X"], renamed(x="X", n="N").fields)
    assert (known.stats["X"], known.maps, known.warnings) == (FIT.stats["x"], FIT.maps, FIT.warnings)
    out = known.transform_arrays({"X": [0.5], "N": [1], "v": [[1.0]]})
    assert (list(out), out["X"].tolist()) == (["X", "N", "v", "n_z", "p"], [0.5])
    assert planned(known, renamed(x="X", n="N")).steps == here.steps  # no difference is left


AMBIGUOUS = fitted(table(x="double", n="int"), ss.MinMax(["x", "n"]))
CASES: list[tuple[Fitted, Schema, str | None]] = [
    (AMBIGUOUS, table(N="int", X="double"), None),
    (NESTED, table(s="{Y double}", S="{y double}", x="double"), "found 's.Y', 'S.y'; rename the one you mean"),
    (NESTED, table(S="{Y double}", x="double"), None),
]


@pytest.mark.parametrize(("known", "schema", "said"), CASES)
def test_take_another_case_where_it_is_the_only_one(known: Fitted, schema: Schema, said: str | None) -> None:
    if said is None:
        assert known.plan(schema, Policy.of("ignore")).schema == schema
    else:
        with pytest.raises(DataError, match=said):
            known.plan(schema, Policy.of("ignore"))


def pair(first: str, second: str) -> Fitted:
    return ss.Pipeline([ss.MinMax([first, second])]).fit_arrays({first: [0.0, 1.0], second: [0.0, 1.0]})


def test_take_no_column_that_is_another_of_the_fit() -> None:
    found = refused(pair("x", "X"), table(X="double"))
    assert found == [("SCHEMA_MISSING", "column 'x' is not in new; its columns are 'X'")]


def test_take_no_column_of_the_fit_that_no_step_reads() -> None:
    known = dataclasses.replace(pair("x", "y"), columns=table(x="double", y="double", X="double").fields)
    assert [code for code, _ in refused(known, table(y="double", X="double"))] == ["SCHEMA_MISSING"]
    steps = [ss.MinMax(["s.y", "s.Y"], into="{column}_1")]
    known = ss.Pipeline(steps).fit_arrays({"s.y": [0.0, 1.0], "s.Y": [0.0, 1.0]})
    known = dataclasses.replace(known, columns=table(s="{y double}").fields)
    known = dataclasses.replace(known, steps=tuple(
        dataclasses.replace(step, inputs=tuple(dataclasses.replace(c, path=tuple(c.name.split("."))) for c in step.inputs))
        for step in known.steps
    ))  # fmt: skip
    assert refused(known, table(s="{Y double}"))[0][0] == "SCHEMA_MISSING"


def test_guess_no_other_name_for_a_column_in_another_case() -> None:
    texts = [
        text for _, text in refused(FIT, table(**{"X" if k == "x" else k: v for k, v in WAS.items()}, xx="double"))
    ]
    assert [text.partition(")")[0].rpartition("(")[2] for text in texts] == ["case", "double"]
    assert "found others in new: 'xx' (double)" in texts[1]


def test_take_no_column_for_two() -> None:
    found = refused(pair("xy", "Xy"), table(XY="double"), extra="ignore")
    assert [code for code, _ in found] == ["SCHEMA_MISSING"] * 2
    assert all("differs only in case, found 'XY'; " in text for _, text in found)


def test_name_the_other_case_in_arrays() -> None:
    with pytest.raises(DataError, match=r"^column 'x': expected the case of the fit, found 'X' in the arrays \(case\)"):
        pair("x", "y").transform_arrays({"X": [1.0], "y": [1.0]})


@pytest.mark.parametrize("dtype", ["f2", "f4", "i1", "i8", "u8", "?", "O"])
def test_let_arrays_be_of_any_type_of_numbers(dtype: str) -> None:
    x: Any = np.array([0, 1], dtype=dtype)
    assert pair("x", "y").transform_arrays({"x": x, "y": [0.0, 0.5], "more": x})["x"].tolist() == [0.0, 1.0]


# --- types -------------------------------------------------------------------------------------------------------

#: By type, types that hold all of its values; no others of these do.
WIDER = {
    "boolean": "tinyint smallint int bigint float double decimal(3,0) decimal(5,1) decimal(10,0) decimal(19,0)",
    "tinyint": "smallint int bigint float double decimal(3,0) decimal(5,1) decimal(10,0) decimal(19,0)",
    "smallint": "int bigint float double decimal(10,0) decimal(19,0)",
    "int": "bigint double decimal(10,0) decimal(19,0)",
    "bigint": "decimal(19,0)",
    "float": "double",
    "double": "",
    "decimal(3,0)": "smallint int bigint float double decimal(5,1) decimal(10,0) decimal(19,0)",
    "decimal(5,1)": "",
    "decimal(10,0)": "bigint double decimal(19,0)",
    "decimal(19,0)": "",
}


@pytest.mark.parametrize("type_", WIDER)
def test_know_types_that_hold_all_values_of_another(type_: str) -> None:
    assert [other for other in WIDER if holds(other, type_) and other != type_] == [
        other for other in WIDER if other in WIDER[type_].split()
    ]
    assert holds(type_, type_)
    assert not any(holds(other, type_) for other in ("string", "date", f"array<{type_}>", "decimal"))
    if type_ != "boolean":  # truth values in an array are no scores
        assert all(holds(f"array<{o}>", f"array<{type_}>") == holds(o, type_) for o in WIDER if o != "boolean")


@pytest.mark.parametrize(("types", "expected"), [
    (["int", "bigint", "smallint"], "bigint"), (["bigint", "double"], "double"), (["int", "float"], "double"),
    (["decimal(9,2)", "decimal(9,4)"], "double"), (["array<int>", "array<float>"], "array<double>"),
    (["string", "date"], "string"), (["string", "string"], "string"), (["array<int>", "int"], "array<int>"),
])  # fmt: skip
def test_find_a_type_for_all_parts(types: list[str], expected: str) -> None:
    assert common(types) == expected


def test_hold_no_whole_number_in_places_alone() -> None:
    assert not holds("decimal(1,1)", "boolean")
    assert holds("double", "decimal(3,-2)")
    assert not holds("decimal(9,-2)", "int")


def test_read_from_spark_whether_a_column_may_hold_nulls() -> None:
    found = Schema.of({"fields": [{"name": "a", "type": "long", "nullable": False}, {"name": "b", "type": "double"}]})
    assert found == table(a="bigint!", b="double")


def test_hold_no_type_that_would_take_long_to_read() -> None:
    assert not holds("decimal(999999999,0)", "int")
    assert not holds("double", "decimal(999999999,0)")


# --- the artifact ------------------------------------------------------------------------------------------------


def test_keep_the_columns_of_the_table() -> None:
    data = {"b": np.zeros(2, dtype="f4"), "x": np.arange(2), "name": np.array(["a", "b"])}
    found = ss.Pipeline([ss.MinMax("x")]).fit_arrays(data)
    assert [(c.name, c.type, c.nullable) for c in found.columns] == [
        ("b", "float", True), ("x", "bigint", True), ("name", "string", True)]  # fmt: skip
    for known in (found, NESTED):
        assert document.load(document.dump(known)).columns == known.columns


@pytest.mark.parametrize("known", [FIT, NESTED])
def test_refuse_steps_that_read_no_column_of_the_table(known: Fitted) -> None:
    for number, column in enumerate(known.columns):
        others = known.columns[:number] + known.columns[number + 1 :]
        data = document.dump(dataclasses.replace(known, columns=others))
        if column.name in {"id", "name"}:
            assert document.load(data).columns == others
            continue
        with pytest.raises(DataError, match="which is not among the columns"):
            document.load(data)


def test_merge_the_columns_of_all_parts() -> None:
    steps = [ss.MinMax("x")]
    monday, tuesday, wednesday = (
        ss.Pipeline(steps).fit_arrays({name: np.array([0, 1], dtype=dtype) for name, dtype in table_.items()})
        for table_ in ({"a": "f8", "x": "i4"}, {"x": "i8", "b": "f4", "a": "U1"}, {"x": "i2", "b": "f8"})
    )
    monday = dataclasses.replace(monday, columns=tuple(dataclasses.replace(c, nullable=False) for c in monday.columns))
    whole = ss.merge([monday, tuesday, wednesday])
    assert whole.columns == (Field("a", "double"), Field("x", "bigint"), Field("b", "double"))
    assert whole.steps[0].inputs[0].type == "bigint"
    assert not ss.merge([monday, monday]).columns[1].nullable
    assert document.load(document.dump(whole)) == whole


# --- the job file ------------------------------------------------------------------------------------------------


def loaded(tmp_path: Path, text: str, **kwargs: Any) -> JobConfig:
    path = tmp_path / "job.yaml"
    path.write_text(f"version: 1\ninput: {{format: parquet, path: in}}\n{text}\n")
    return jobfile.load(str(path), **kwargs).config


def test_have_a_key_for_each_kind() -> None:
    assert {name: item.default for name, item in SchemaDrift.model_fields.items()} == dataclasses.asdict(Policy())
    assert all(item.description for item in SchemaDrift.model_fields.values())


def test_read_policy_of_a_job(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").policy == Policy()
    assert loaded(tmp_path, "schema_drift: warn").policy == Policy(**dict.fromkeys(KINDS, "warn"))  # type: ignore[arg-type]
    assert loaded(tmp_path, "schema_drift: {extra: error, case: ignore}").policy == Policy(extra="error", case="ignore")
    assert loaded(tmp_path, "", overrides=["schema_drift.case=warn"]).policy == Policy(case="warn")
    assert loaded(tmp_path, "", environ={"SPARKSCALE__SCHEMA_DRIFT": "error"}).policy == Policy.of("error")


@pytest.mark.parametrize("text", ["loud", "5", "{extra: loud}", "{extar: warn}", "{missing: warn}"])
def test_refuse_policy_of_a_job(tmp_path: Path, snapshot: Any, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"schema_drift: {text}")
    (problem,) = caught.value.problems
    snapshot(str(problem).replace(str(tmp_path), "HERE"))


class Counted(tuple[Field, ...]):
    """Fields that count how often they are walked through."""

    __slots__ = ()

    walks = 0

    def __iter__(self) -> Any:
        Counted.walks += 1
        return super().__iter__()


def test_plan_many_columns_without_walking_through_them_for_each() -> None:
    def walks(columns: int) -> int:
        table = {f"c{number}": [0.0, 1.0] for number in range(columns)}
        known = ss.Pipeline([ss.MinMax("*")]).fit_arrays(table)
        schema = Schema(Counted(known.columns), case_sensitive=True)
        Counted.walks = 0
        known.plan(schema)
        return Counted.walks

    assert walks(20) == walks(200)
