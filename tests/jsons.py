"""JSON on Sail, in a process of its own: ``python -m tests.jsons FOLDER`` prints what each case came to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LINES = ['{"a": 1}'] * 1000
#: Lines of two files, the schema, and the values of `a` or the error's code.
CASES: list[tuple[list[list[str]], str | None, list[Any] | str]] = [
    ([[*LINES, '{"a": 0.5}', '{"a": 7.9}']], None, "CONFIG_MISSING"),
    ([[*LINES, '{"a": 0.5}', '{"a": 7.9}']], "a double", [*[1.0] * 1000, 0.5, 7.9]),
    ([[*LINES, '{"a": 0.5}']], "a bigint", "SCHEMA_TYPE"),
    ([['{"a": 1}'], ['{"a": 0.5}']], "a int", "SCHEMA_TYPE"),
    ([['{"a": 1}'], ['{"a": 0.5}']], "a double", [1.0, 0.5]),
    ([['{"a": [1, 2]}', '{"a": [0.5]}']], "a array<bigint>", "SCHEMA_TYPE"),
    ([['{"a": 1}', '{"b": 2}']], "a bigint, b bigint", [1, None]),
    ([['{"a": "x"}']], "a bigint", "INPUT_DAMAGED"),
    ([['{"a": 9223372036854775807}']], "a bigint", [2**63 - 1]),
    ([['{"a": 1}', '{"a":']], "a bigint", "INPUT_DAMAGED"),
    ([['{"a": {"k": null}}']], "a map<string, int>", "SCHEMA_TYPE"),
]


def found(spark: Any, files: list[list[str]], schema: str | None, folder: Path) -> Any:
    """Return the values of `a`, or the error's code."""
    from sparkscale.config.data import Input
    from sparkscale.errors import SparkscaleError
    from sparkscale.spark.session.failures import translated
    from sparkscale.spark.sources.read import read

    folder.mkdir()
    for number, lines in enumerate(files):
        (folder / f"{number}.json").write_text("\n".join(lines) + "\n")
    source = {"format": "json", "path": str(folder)} | ({"schema": schema} if schema else {})
    try:
        df, _ = read(spark, Input.model_validate(source))
        with translated("reading"):
            return [row["a"] for row in df.collect()]
    except SparkscaleError as error:
        return error.code


def main(folder: Path) -> None:
    """Print what came of every case."""
    from sparkscale.config.models import Spark
    from sparkscale.spark.session.session import session

    with session(Spark(engine="sail"), "jsons") as spark:
        results = [found(spark, files, ddl, folder / str(number)) for number, (files, ddl, _) in enumerate(CASES)]
    print(json.dumps(results))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(Path(sys.argv[1]))
