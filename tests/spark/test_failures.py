"""Spark's failures, told as ours: at once, by their cause, and with the exit code that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from sparkscale.errors import DataError
from sparkscale.spark.session.failures import translated
from tests.processes import last_line, sparkscale
from tests.spark.frames import write_parquet

JOB = """version: 1
input: {format: parquet, path: in.parquet}
steps: [{kind: minmax, columns: x}]
output: {format: parquet, path: out}
"""
SETTINGS = [
    (
        "spark.conf={spark.sql.shuffle.partitions: abc}",
        "reading in.parquet: [INVALID_CONF_VALUE.TYPE_MISMATCH] The value 'abc' in the config "
        "\"spark.sql.shuffle.partitions\" is invalid. It should be a/an 'int' value",
    ),
    ("spark.master=local[0]", "starting the engine: Asked to run locally with 0 threads"),
]


@pytest.mark.parametrize(("setting", "cause"), SETTINGS, ids=[setting for setting, _ in SETTINGS])
def test_refuse_wrong_setting_at_once(tmp_path: Path, setting: str, cause: str) -> None:
    """PySpark words the exception of a session that cannot be built by asking that session, again and again."""
    write_parquet(tmp_path / "in.parquet", {"x": [1.0, 2.0]})
    (tmp_path / "job.yaml").write_text(JOB)
    done = sparkscale("run", "-c", "job.yaml", "--set", setting, cwd=tmp_path)
    expected = f"sparkscale: error[CONFIG_SPARK] {cause}; check spark.conf and spark.master (exit 78)"
    assert (done.returncode, last_line(done)) == (78, expected)


def test_call_a_damaged_footer_by_its_name(spark: SparkSession, tmp_path: Path) -> None:
    """Flip bits of what a Parquet file says of itself: whichever exception Spark meets, it is the data's fault."""
    write_parquet(tmp_path / "whole.parquet", {"x": [float(i) for i in range(400)], "y": list(range(400))})
    data, numbers, refused = (tmp_path / "whole.parquet").read_bytes(), np.random.default_rng(6), []
    for number in range(60):
        flipped = bytearray(data)
        flipped[numbers.integers(len(data) - 600, len(data))] ^= 1 << int(numbers.integers(8))
        place = tmp_path / f"{number}.parquet"
        place.write_bytes(flipped)
        try:
            with translated("reading"):
                spark.read.parquet(str(place)).write.format("noop").mode("overwrite").save()
        except DataError as error:
            refused.append(error.code)
    assert len(refused) > 10
    assert set(refused) <= {"INPUT_DAMAGED", "SCHEMA_TYPE", "INPUT_EMPTY", "SCHEMA_DUPLICATE"}
