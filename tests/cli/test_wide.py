"""A table of twice the columns is twice the work, in whatever a command does with columns and no engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import sparkscale as ss
from sparkscale.artifact import document, store
from sparkscale.cli import entry
from sparkscale.config import jobfile
from sparkscale.config.models import JobConfig
from sparkscale.errors import DataError
from sparkscale.formats.judge import judge
from sparkscale.pipeline import inverse
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.merge import merge
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.pipeline.schema import Field, Schema
from sparkscale.pipeline.solve import solve
from sparkscale.stats.column import ColumnStats
from tests.calls import Name, assert_linear, calls

#: Each test counts the calls of two sizes.
pytestmark = pytest.mark.slow
STATS = ColumnStats.of([1.0, 2.0, 4.0])
#: Half of the columns are chosen by a pattern, half by their names; scores are read as well.
STEPS = [ss.Standard("a*"), ss.Softmax("s*", into="p_{column}")]


def names(letter: str, count: int) -> list[Name]:
    return [Name(f"{letter}{i}") for i in range(count)]


def schema_of(columns: int) -> Schema:
    parts = [*names("a", columns // 4), *names("b", columns // 4), *names("s", columns // 4), *names("x", columns // 4)]
    return Schema(tuple(Field(name, "double", nullable=i % 2 > 0) for i, name in enumerate(parts)))


def planned(columns: int) -> Plan:
    return plan([*STEPS, ss.MinMax(names("b", columns // 4))], schema_of(columns))


def unasked(questions: Any) -> Any:
    raise AssertionError(questions)


def fitted(columns: int) -> Fitted:
    made = planned(columns)
    return solve(made, dict.fromkeys(made.features, STATS), 3, {}, unasked, losses=unasked)


def on_fitted(work: Callable[[Fitted], Any]) -> Callable[[int], Callable[[], Any]]:
    """Return a work on a pipeline that is fitted before the counting begins."""

    def of(columns: int) -> Callable[[], Any]:
        known = fitted(columns)
        return lambda: work(known)

    return of


def command(*arguments: str) -> Callable[[], None]:
    def work() -> None:
        with pytest.raises(SystemExit) as ended:
            entry.main(arguments)
        assert ended.value.code == 0

    return work


def test_count_what_is_quadratic() -> None:
    with pytest.raises(AssertionError, match="2000 columns"):
        assert_linear(lambda n: lambda: [name in names("b", n // 50) for name in names("a", n)])
    assert calls(lambda: [len("") for _ in range(10)]) in range(10, 14)


def test_plan_every_column_once() -> None:
    assert_linear(lambda n: lambda: planned(n), small=1000)
    assert_linear(
        lambda n: lambda: (planned(n).output_types, planned(n).output_names, planned(n).quantile_features), small=1000
    )


def test_bind_every_column_once() -> None:
    def changed(n: int) -> Schema:  # in another order, of another type, in another case, without some, and with more
        fields = [Field(f.name.upper() if i % 7 == 0 else f.name, "float") for i, f in enumerate(schema_of(n).fields)]
        return Schema((*fields[: n // 10 : -1], *(Field(name, "double") for name in names("more", n // 10))))

    from sparkscale.pipeline.schema_drift import Policy

    def bound(n: int) -> Callable[[], Any]:
        known, other = fitted(n), changed(n)

        def work() -> None:
            with pytest.raises(DataError):
                known.plan(other, Policy.of("warn"))
            known.on(known.plan(schema_of(n)))

        return work

    assert_linear(bound, small=1000)


def test_refuse_every_column_once() -> None:
    def missing(n: int) -> Callable[[], Any]:
        steps, schema = [ss.MinMax(names("gone", n // 2)), ss.Standard(names("x", n // 4))], schema_of(n)

        def work() -> None:
            with pytest.raises(DataError, match="is not in the input") as refused:
                plan(steps, schema)
            assert len(refused.value.problems) == n // 2

        return work

    assert_linear(missing, small=1000)


def test_find_every_field_of_structs_once() -> None:
    def nested(n: int) -> Callable[[], Any]:
        structs = tuple(Field(name, "struct", (Field(Name("x"), "double"),)) for name in names("s", n))
        return lambda: plan([ss.MinMax([f"s{i}.x" for i in range(n)], into="m_{column}")], Schema(structs))

    assert_linear(nested, small=1000)


def test_solve_and_merge_every_column_once() -> None:
    assert_linear(lambda n: lambda: fitted(n), small=1000)
    assert_linear(on_fitted(lambda known: merge([known, known, known])), small=1000)


def test_invert_every_column_once() -> None:
    def inverted(n: int) -> Callable[[], Any]:
        features = names("a", n)
        made = plan([ss.Standard("a*")], Schema(tuple(Field(name, "double") for name in features)))
        known = solve(made, dict.fromkeys(features, STATS), 3, {}, unasked, losses=unasked)
        return lambda: (inverse.restorations(known, features), inverse.restored_names(known, features))

    assert_linear(inverted, small=1000)


def test_save_and_load_every_column_once(tmp_path: Path) -> None:

    def loaded(n: int) -> Callable[[], Any]:
        data = document.dump(fitted(n))
        return lambda: document.load(data)

    assert_linear(loaded)
    assert_linear(on_fitted(lambda known: store.save(known, tmp_path / str(len(known.columns)))))


def test_inspect_every_column_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def inspected(n: int) -> Callable[[], Any]:
        store.save(fitted(n), tmp_path / str(n))
        return command("inspect", str(tmp_path / str(n)))

    assert_linear(inspected)
    assert "a499" in capsys.readouterr().out
    assert_linear(on_fitted(repr))


def test_check_every_column_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compared(job: jobfile.Job, *, debug: bool) -> tuple[Plan, Any]:
        made = plan(job.config.steps, schema_of(int(job.config.name)))
        for engine, format_ in (("spark", "csv"), ("sail", "delta")):
            judge(made, engine, format_, ("x0",))
        return made, SimpleNamespace(notes=list)

    monkeypatch.setitem(sys.modules, "sparkscale.run.check", SimpleNamespace(check=lambda _: None))
    monkeypatch.setitem(sys.modules, "sparkscale.run.check_schema", SimpleNamespace(check_schema=compared))  # no Spark

    def checked(n: int) -> Callable[[], Any]:
        steps = [{"kind": "standard", "columns": [str(x) for x in names("a", n // 4)]},
                 {"kind": "softmax", "columns": "s*", "into": "p_{column}"},
                 *({"kind": "minmax", "columns": x} for x in names("b", n // 40))]  # fmt: skip
        job = {"version": 1, "name": str(n), "input": {"format": "parquet", "path": "in"}, "steps": steps,
               "output": {"format": "csv", "path": "out"}}  # fmt: skip
        (tmp_path / f"{n}.yaml").write_text(json.dumps(job))
        return command("check", "--schema", "--json", "-c", str(tmp_path / f"{n}.yaml"))

    assert_linear(checked)
    assert "step 1: standard of a0, a1" in capsys.readouterr().err


def test_explain_every_column_once() -> None:
    pytest.importorskip("pyspark")
    from sparkscale.run import explain
    from sparkscale.run.opening import Applied, Opened

    def explained(n: int) -> Callable[[], Any]:
        made = planned(n)
        files = [f"file:/nowhere/{i}" for i in range(n)]
        session = type("Session", (), {"version": "4.1.0"})()  # which a step of many columns is asked for
        table: Any = SimpleNamespace(inputFiles=lambda: files, columns=made.schema.names, sparkSession=session)
        config = JobConfig.model_validate({"version": 1, "input": {"format": "parquet", "path": "in"}})

        def work() -> None:
            found = explain.explained(Opened(table, made), config, None, Applied(fitted(n), {}))  # type: ignore[arg-type]
            assert len([*found.lines(), *found.to_dict()["steps"]]) == 7

        return work

    assert_linear(explained)
