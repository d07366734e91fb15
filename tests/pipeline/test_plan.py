"""Planning: which columns a step reads, which names it writes, and every problem of the schema at once."""

from __future__ import annotations

from typing import Any

import pytest

import sparkscale as ss
from sparkscale.errors import DataError
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.pipeline.schema import Field, Schema
from sparkscale.pipeline.schema_drift import bind

FIELDS = {
    "year": "int", "month": "tinyint", "id": "bigint", "dep_delay": "double", "arr_delay": "float",
    "price": "decimal(10,2)", "late": "boolean", "name": "string", "day": "date", "s1": "double", "s2": "double",
    "scores": "array<double>", "counts": "array<int>", "tags": "array<string>", "a*": "double", "bits": "binary",
}  # fmt: skip
PERSON = Field("person", "struct", (Field("age", "int"), Field("home", "struct", (Field("no.", "bigint"),))))
SCHEMA = Schema((*(Field(name, type_) for name, type_ in FIELDS.items()), PERSON, Field("person.age", "double")))
NUMERIC = ["year", "month", "id", "dep_delay", "arr_delay", "price", "s1", "s2", "a*", "person.age"]


def planned(*steps: Any, schema: Schema = SCHEMA) -> Plan:
    return plan(steps, schema, "flights")


def problems(*steps: Any, schema: Schema = SCHEMA) -> list[tuple[str, str]]:
    """Return code and text of every problem."""
    with pytest.raises(DataError) as caught:
        planned(*steps, schema=schema)
    assert caught.value.exit_code == 65
    return [(problem.code, str(problem)) for problem in caught.value.problems]


SELECTIONS: list[tuple[Any, list[str]]] = [
    ("year", ["year"]),
    (["s2", "s1", "s2"], ["s2", "s1"]),
    ("*_delay", ["dep_delay", "arr_delay"]),
    ("s[12]", ["s1", "s2"]),
    ("s?", ["s1", "s2"]),
    ("*", NUMERIC),
    ("a*", ["a*"]),  # a name that exists comes before the pattern that it could be
    ("/delay$/", ["dep_delay", "arr_delay"]),
    ("/^(s1|id)$/", ["id", "s1"]),
    ({"dtype": "numeric"}, NUMERIC),
    ({"dtype": "integer"}, ["year", "month", "id"]),
    ({"dtype": "floating"}, ["dep_delay", "arr_delay", "s1", "s2", "a*", "person.age"]),
    ({"dtype": "decimal"}, ["price"]),
    ({"except": ["*_delay", "/^s/", "year", "a*", "person.age"]}, ["month", "id", "price"]),
    (["s2", "s*", {"dtype": "decimal"}], ["s2", "s1", "price"]),
    ("late", ["late"]),  # a boolean that is named outright
    ("person.home.no.", ["person.home.no."]),
    ("person.age", ["person.age"]),  # the column, before the field of the struct
]


@pytest.mark.parametrize(("selector", "names"), SELECTIONS)
def test_choose_columns(selector: Any, names: list[str]) -> None:
    (step,) = planned(ss.MinMax(selector, into="{column}_n")).steps
    assert [column.name for column in step.inputs] == names
    assert step.outputs == tuple(f"{name}_n" for name in names)


@pytest.mark.parametrize("selector", ["*", "/./", {"dtype": "numeric"}])
def test_choose_no_partition_by_a_pattern(selector: Any) -> None:
    fields = (Field("x", "double"), Field("Month", "int"), Field("day", "int"))
    schema = Schema(fields, partitions=frozenset({"month", "day"}))
    (step,) = planned(ss.Standard(selector), schema=schema).steps
    assert [column.name for column in step.inputs] == ["x"]
    (step,) = planned(ss.Standard(["day", selector]), schema=schema).steps
    assert [column.name for column in step.inputs] == ["day", "x"]
    with pytest.raises(DataError, match="never chooses the partition columns 'day', 'month': name them"):
        planned(ss.Standard("[Md]*"), schema=schema)


def test_find_path_into_struct() -> None:
    (step,) = planned(ss.MinMax("person.home.no.", into="no")).steps
    (column,) = step.inputs
    assert (column.path, column.type, column.nested) == (("person", "home", "no."), "bigint", True)


def test_keep_order_and_append_what_is_added() -> None:
    result = planned(ss.Standard("s2"), ss.MinMax("id", into="n", dtype="float32"), ss.Softmax("counts"),
                     ss.UnitNorm(["s1", "late"], into="u_{column}"), ss.Robust("price", into="r"))  # fmt: skip
    assert result.output_names == [*FIELDS, "person", "person.age", "n", "u_s1", "u_late", "r"]
    types = result.output_types
    assert (types["s2"], types["n"], types["counts"], types["u_late"], types["id"], types["tags"]) == (
        "double", "float", "array<double>", "double", "bigint", "array<string>")  # fmt: skip
    assert list(result.features) == ["s2", "id", "price"]
    assert result.quantile_features == {"price"}
    assert [step.over_array for step in result.steps] == [False, False, True, False, False]


def test_find_every_problem_at_once(snapshot: Any) -> None:
    found = problems(ss.Standard(["yaer", "name", "nothing*"]), ss.MinMax("day"), ss.Softmax("s1"))
    snapshot("\n".join(f"{code}: {text}" for code, text in found))


#: Steps that do not fit, and the code of the error; what it says is in the snapshot.
WRONG: list[tuple[list[Any], str]] = [
    ([ss.MinMax("zzz")], "SCHEMA_MISSING"),
    ([ss.MinMax("Year")], "SCHEMA_MISSING"),
    ([ss.MinMax("person.agee")], "SCHEMA_MISSING"),
    ([ss.MinMax("bits")], "SCHEMA_TYPE"),
    ([ss.MinMax("tags")], "SCHEMA_TYPE"),
    ([ss.MinMax("s1", over="all")], "SCHEMA_TYPE"),
    ([ss.MinMax("scores", by="year")], "SCHEMA_TYPE"),
    ([ss.Impute("scores", indicator="gone")], "SCHEMA_TYPE"),
    ([ss.Softmax("tags")], "SCHEMA_TYPE"),
    ([ss.MinMax("person")], "SCHEMA_TYPE"),
    ([ss.MinMax("person.home.no.")], "SCHEMA_NESTED"),
    ([ss.Softmax(["s1", "scores"])], "SCHEMA_TYPE"),
    ([ss.Softmax(["counts", "scores"])], "SCHEMA_TYPE"),
    ([ss.UnitNorm("late")], "SCHEMA_ONE_SCORE"),
    ([ss.MinMax("s?"), ss.MinMax("s1")], "SCHEMA_CLASH"),
    ([ss.MinMax("s?", into="x")], "SCHEMA_CLASH"),
    ([ss.MinMax("s1", into="YEAR")], "SCHEMA_CLASH"),
    ([ss.MinMax("s1", into="x"), ss.MinMax("s2", into="X")], "SCHEMA_CLASH"),
    ([ss.MinMax("s1", into="s1")], "SCHEMA_CLASH"),
    ([ss.MinMax("/nothing/")], "SCHEMA_NO_MATCH"),
    ([ss.MinMax("//")], "SCHEMA_MISSING"),
    ([ss.MinMax("n*e")], "SCHEMA_NO_MATCH"),
    ([ss.MinMax({"dtype": "decimal", "except": ["price"]})], "SCHEMA_NO_MATCH"),
]


@pytest.mark.parametrize(("steps", "code"), WRONG)
def test_refuse_what_does_not_fit(steps: list[Any], code: str, snapshot: Any) -> None:
    ((found, said),) = problems(*steps)
    assert found == code
    snapshot(f"{steps}\n{said}")


@pytest.mark.parametrize(
    ("count", "listed"),
    [(0, "none"), (1, "'c0'"), (8, "'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'"),
     (9, "'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7' and 1 more"),
     (30, "'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7' and 22 more")],
)  # fmt: skip
def test_list_eight_columns_and_count_the_rest(count: int, listed: str) -> None:
    schema = Schema((Field("text", "string"), *(Field(f"c{number}", "double") for number in range(count))))
    ((_, said),) = problems(ss.MinMax("*_delay"), schema=schema)
    assert said.endswith(f"; its numeric columns are {listed}")


def test_tell_names_by_case_where_the_schema_does() -> None:
    sensitive = Schema((Field("a", "double"), Field("A", "double")), case_sensitive=True)
    result = planned(
        ss.MinMax("a"), ss.MinMax("A"), ss.MinMax("a", into="b"), ss.MinMax("A", into="B"), schema=sensitive
    )
    assert result.output_names == ["a", "A", "b", "B"]


def test_bind_to_another_table(snapshot: Any) -> None:
    whole = planned(ss.MinMax("s1"), ss.Softmax("scores", into="p"))
    other = Schema((Field("scores", "array<float>"), Field("more", "string"), Field("s1", "int")))
    assert bind(whole.steps, whole.schema.fields, other).output_names == ["scores", "more", "s1", "p"]
    with pytest.raises(DataError) as caught:
        bind(whole.steps, whole.schema.fields, Schema((Field("s1", "string"), Field("p", "double"))), source="new")
    snapshot(str(caught.value))


STRUCTS = Schema((
    Field("a", "struct", (Field("x", "int"), Field("deep", "struct", (Field("x", "bigint"),)))),
    Field("a.b", "struct", (Field("c", "double"),)),
    Field("a.deep", "struct", (Field("y", "float"),)),
))  # fmt: skip
PATHS: list[tuple[str, tuple[str, ...] | None]] = [
    ("a.x", ("a", "x")),
    ("a.deep.x", ("a", "deep", "x")),
    ("a.b.c", ("a.b", "c")),  # after the struct `a`, which has no `b`
    ("a.deep.y", ("a.deep", "y")),  # after `a.deep`, the field, which has no `y`
    ("a.b", ("a.b",)),
    ("a.y", None),
    ("z.x", None),  # as long as `a.x`
    ("a/x", None),
    ("x", None),  # a path starts at the table
    ("a.", None),
    ("a.x.x", None),
    ("", None),
]


@pytest.mark.parametrize(("name", "path"), PATHS)
def test_find_by_every_way_through_structs(name: str, path: tuple[str, ...] | None) -> None:
    found = STRUCTS.find(name)
    assert (found and found.path) == path


def test_read_schema_of_spark() -> None:
    struct = {
        "type": "struct",
        "fields": [
            {"name": "a", "type": "long", "nullable": True, "metadata": {}},
            {"name": "b", "type": {"type": "array", "elementType": "integer", "containsNull": True}},
            {"name": "c", "type": {"type": "struct", "fields": [{"name": "d", "type": "short"}]}},
            {"name": "m", "type": {"type": "map", "keyType": "string", "valueType": "double"}},
            {"name": "e", "type": "decimal(5,1)"},
        ],
    }
    schema = Schema.of(struct)
    assert [(field.name, field.type) for field in schema.fields] == [
        ("a", "bigint"), ("b", "array<int>"), ("c", "struct"), ("m", "map"), ("e", "decimal(5,1)")]  # fmt: skip
    nested = schema.find("c.d")
    assert nested is not None
    assert (nested.path, nested.type) == (("c", "d"), "smallint")
    assert schema.find("c.d") == nested  # as often as asked
    assert schema == Schema.of(struct)
