"""What PySpark asks the JVM for with every column is looked up once."""

from __future__ import annotations

from typing import Any

import pytest
from py4j.protocol import Py4JError
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.spark.session.names import look_up_once


def plan_columns(spark: SparkSession, count: int) -> None:
    df = spark.range(3).select(*[(F.col("id") + j).alias(f"c{j}") for j in range(count)])
    ss.Pipeline([ss.MinMax("*", clip=True), ss.Softmax("*", into="p_{column}")]).fit(df).transform(df)


def test_look_up_nothing_for_columns_like_those_before(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    client = type(spark._jvm._gateway_client)  # type: ignore[attr-defined]
    send = client.send_command

    def counted(self: Any, command: str, *more: Any, **named: Any) -> Any:
        asked.extend([command] if command.startswith("r\n") else [])
        return send(self, command, *more, **named)

    plan_columns(spark, 20)  # what is asked for once has been
    monkeypatch.setattr(client, "send_command", counted)
    plan_columns(spark, 20)
    assert asked == []


def test_know_a_class_as_py4j_does(spark: SparkSession) -> None:
    look_up_once(spark)
    jvm: Any = spark._jvm  # type: ignore[attr-defined]
    assert jvm.functions.lit(1.5).toString() == "1.5"
    assert jvm.functions.lit is jvm.functions.lit
    with pytest.raises(Py4JError, match=r"functions\.nothing_of_that_name does not exist in the JVM"):
        _ = jvm.functions.nothing_of_that_name
