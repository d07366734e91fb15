"""One script for every engine: ``python -m tests.connect.scenario classic|connect|sail INPUTS OUTPUTS``.

It reads the tables of ``tests.connect.data`` from Parquet and writes what the engine makes of them:
artifacts as JSON, transformed tables as Parquet, and where executors found the package.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.artifact import document
from sparkscale.config.models import Spark
from sparkscale.maps.winners import FACTS
from sparkscale.pipeline.audit import Audit
from sparkscale.pipeline.schema import Column
from sparkscale.spark.columns import feature, schema_of, scores
from sparkscale.spark.fit import scan
from sparkscale.spark.fit.queries import deal
from sparkscale.spark.session.session import session
from sparkscale.spark.session.shipping import ship
from sparkscale.spark.transform.counts import Counted
from sparkscale.spark.transform.self_check import self_check
from tests.connect.data import NAMES, PARTITIONS

SESSIONS = {
    "classic": Spark(engine="spark", master="local[2]"),
    "connect": Spark(engine="spark", remote="local[2]"),
    "sail": Spark(engine="sail"),
}
ENGINES = ("native", "arrow", "pandas")


def feature_pipeline() -> ss.Pipeline:
    """Every column scaler over every name."""
    names = [*NAMES, "whole", "constant"]
    return ss.Pipeline(
        [
            ss.Standard(names, into="{column}|standard"),
            ss.MinMax(names, range=(-1, 1), clip=True, into="{column}|minmax"),
            ss.MaxAbs(names, into="{column}|maxabs"),
            ss.MeanNorm(names, into="{column}|mean_norm"),
            ss.Robust(names, into="{column}|robust"),
            ss.Standard(names, ddof=1, dtype="float32", into="{column}|float32"),
        ]
    )


def row_pipeline() -> ss.Pipeline:
    """Every row map, over columns and over an array column."""
    return ss.Pipeline(list(_row_steps()))


def _row_steps() -> Iterator[Any]:
    for target, columns in (("columns", ["score.1", "score 2", "score`3"]), ("array", ["scores \U0001f3af"])):
        for nulls, undefined in (("null", "null"), ("mask", "zeros"), ("mask", "uniform")):
            yield ss.Softmax(columns, nulls=nulls, undefined=undefined, into=f"{{column}}|{nulls} {undefined} {target}")
        for nulls in ("null", "mask"):
            yield ss.LogSoftmax(columns, nulls=nulls, temperature=0.7, into=f"{{column}}|log {nulls} {target}")
        for norm in ("l1", "l2", "max"):
            yield ss.UnitNorm(columns, norm=norm, into=f"{{column}}|{norm} {target}")
        yield ss.Softmax(columns, dtype="float32", into=f"{{column}}|float32 {target}")


def winner_pipeline() -> ss.Pipeline:
    """What softmaxes tell of rows, over columns and over an array column, with a mask and without."""
    columns, array = ["score.1", "score 2", "score`3"], "scores \U0001f3af"
    steps = [
        ss.Softmax(columns, outputs=_facts_of("columns")),
        ss.LogSoftmax(columns, nulls="mask", undefined="uniform", temperature=3.0, outputs=_facts_of("log")),
        ss.Softmax(array, outputs=_facts_of("array"), into="array|p", undefined="zeros"),
        ss.LogSoftmax(array, mask="mask", outputs=_facts_of("masked"), into="masked|p"),
    ]
    return ss.Pipeline(steps)


def _facts_of(prefix: str) -> Any:
    return {fact: f"{prefix}|{fact}" for fact in FACTS}


def _exact_steps() -> Iterator[Any]:
    yield ss.Standard({"dtype": "numeric"})
    yield ss.Softmax(["d20,10", "d30,6"], into="p_{column}")
    yield ss.UnitNorm("array")
    yield ss.UnitNorm("bigints")


def _as_doubles(df: DataFrame) -> DataFrame:
    columns = schema_of(df).columns()
    made = {c.name: (scores if c.type.startswith("array") else feature)(c, df.sparkSession) for c in columns}
    return df.select("id", *[made[name].alias(name) for name in made if name != "id"])


def embedding_pipeline() -> ss.Pipeline:
    """Arrays whose positions are features, and arrays that are one feature."""
    return ss.Pipeline(
        [
            ss.Standard("x", into="x|standard"),
            ss.MinMax("x", range=(-1, 1), clip=True, into="x|float32", dtype="float32"),
            ss.Chain("x", [ss.Impute(value="median"), ss.Standard()], into="x|chain"),
            ss.Log1p("x", undefined="null", into="x|log1p"),
            ss.Chain("x", [ss.Clip(limits=(-1e10, 1e10)), ss.Robust()], into="x|clipped"),
            ss.MaxAbs("ragged", over="all", into="ragged|maxabs"),
            ss.Robust("ragged", over="all", into="ragged|robust"),
            ss.Clip("x", quantiles=(10, 90), into="x|clip"),
            ss.Clip("ragged", limits=(None, 2), over="all", into="ragged|clip"),
            ss.Chain(
                "x", [ss.Impute(value=-7), ss.Log1p(undefined="null"), ss.Clip(limits=(-0.5, 3))], into="x|clipped_log"
            ),
        ]
    )


def weighted_pipeline() -> ss.Pipeline:
    """Weighted statistics of positions, which are looked at again behind a map."""
    return ss.Pipeline([ss.Chain("x", [ss.Asinh(), ss.Standard()])], weight="w")


def inverse_pipeline() -> ss.Pipeline:
    """Scalers in place, to be inverted."""
    return ss.Pipeline([ss.Standard(list(NAMES[:4])), ss.MinMax(list(NAMES[4:])), ss.Robust("whole")])


def shape_pipeline() -> ss.Pipeline:
    """Logarithms and powers."""
    names = ["skewed", "sides", "narrow", "small"]
    powers = [ss.Power("sides", into="{column}|power"), ss.Power("narrow", method="box_cox", into="{column}|box_cox")]
    logs = [ss.Log1p(names, undefined="null", into="{column}|log1p"), ss.Asinh(names, into="{column}|asinh")]
    return ss.Pipeline([*powers, *logs])


def label_pipeline() -> ss.Pipeline:
    """Temperatures that are fitted to labels, over columns and an array."""
    columns, place = ["score.1", "score 2", "score`3"], {"fit": "place"}
    steps = [
        ss.Softmax(columns, temperature={"fit": "name"}, into="{column}|p"),
        ss.LogSoftmax(columns, temperature=place, nulls="mask", into="{column}|log"),  # type: ignore[arg-type]
        ss.Softmax("scores", temperature=place, mask="mask", into="array|p"),  # type: ignore[arg-type]
    ]
    return ss.Pipeline(steps, weight="w")


def wide_pipeline() -> ss.Pipeline:
    """Every row map over many columns."""
    steps = [
        ss.Softmax("s*", into="{column}|softmax"),
        ss.Softmax("s*", nulls="mask", undefined="zeros", outputs=_facts_of("wide"), into="{column}|mask"),
        ss.LogSoftmax("s*", nulls="mask", into="{column}|log"),
        ss.UnitNorm("s*", into="{column}|norm"),
    ]
    return ss.Pipeline(steps)


PIPELINES = (
    ("features", feature_pipeline),
    ("rows", row_pipeline),
    ("winners", winner_pipeline),
    ("embeddings", embedding_pipeline),
    ("wide", wide_pipeline),
)


def main(engine: str, inputs: Path, outputs: Path) -> None:
    """Run everything on one engine."""
    with session(SESSIONS[engine], "scenario") as spark:
        tables = {path.stem: spark.read.parquet(str(path)) for path in inputs.iterdir()}
        for partitions in PARTITIONS:
            fitted = ss.Pipeline([ss.Standard({"dtype": "numeric"})]).fit(tables["accuracy"].repartition(partitions))
            _put(fitted, outputs / f"accuracy{partitions}.json")
        _put(ss.Pipeline([ss.Standard("*")]).fit(tables["decimals"].coalesce(1)), outputs / "decimals.json")
        _write(_as_doubles(tables["exact"]), outputs / "exact.parquet")
        for engine_ in ENGINES:
            self_check(tables["exact"], ss.Pipeline(list(_exact_steps())).fit(tables["exact"]), engine_, 300)  # type: ignore[arg-type]
        for name, pipeline in PIPELINES:
            table = tables["rows" if name == "winners" else name]
            fitted = pipeline().fit(table.repartition(2))
            _put(fitted, outputs / f"{name}.json")
            audit = _audited(fitted, table)
            (outputs / f"{name}-audit.json").write_text(json.dumps([audit.rows, audit.to_list()]), encoding="utf-8")
            for how in ENGINES:
                _write(fitted.transform(table, engine=how), outputs / f"{name}-{how}.parquet")
                if name in ("winners", "embeddings"):
                    self_check(table, fitted, how, 300)  # type: ignore[arg-type]
        _put(weighted_pipeline().fit(tables["embeddings"].repartition(2)), outputs / "weighted.json")
        fitted = inverse_pipeline().fit(tables["features"])
        _put(fitted, outputs / "inverse.json")
        _write(fitted.inverse_transform(fitted.transform(tables["features"])), outputs / "inverse.parquet")
        fitted = shape_pipeline().fit(tables["shapes"])
        _put(fitted, outputs / "shapes.json")
        for engine_ in ENGINES:
            self_check(tables["shapes"], fitted, engine_, 300)  # type: ignore[arg-type]
        _put(label_pipeline().fit(tables["labelled"].repartition(2)), outputs / "labelled.json")
        (outputs / "facts.json").write_text(json.dumps(_facts(spark)), encoding="utf-8")


def _audited(fitted: ss.Fitted, table: DataFrame) -> Audit:
    """Count what a transform meets, in the query that gives its result where the engine can."""
    counted = Counted.of(table, fitted.on(fitted.plan(schema_of(table))), apart=False, rows=None, audit={})
    fitted.transform(counted.df).select("id").toArrow()
    audit = counted.audit()
    assert audit is not None
    return audit


def _put(fitted: ss.Fitted, path: Path) -> None:
    path.write_bytes(document.dump(fitted))


def _write(df: DataFrame, path: Path) -> None:
    pq.write_table(df.toArrow().sort_by("id"), path)


def _facts(spark: SparkSession) -> dict[str, Any]:
    """Say where a Python worker finds the package, whose session this is, and how many queries fit a wide table."""
    ship(spark)

    def found(_: object) -> str:
        import sparkscale.maps

        return str(sparkscale.maps.__file__)

    where = F.udf(found, "string", useArrow=False)
    wide = spark.range(1).select([F.lit(0.0).alias(f"f{number}") for number in range(2000)])
    return {
        "package": spark.range(1).select(where("id")).collect()[0][0],
        "session": type(spark).__module__,
        "queries": len(deal(wide, [Column((name,), "double") for name in wide.columns], scan.PLAIN)),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
