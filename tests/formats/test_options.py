"""Options: an engine's reader or writer applies each that is let through, and all others are refused."""

from __future__ import annotations

from typing import Any

import pytest

from sparkscale.errors import ConfigError
from sparkscale.formats import options

PASS: list[tuple[Any, str, Any, dict[str, object]]] = [
    ("spark", "csv", "read", {"SEP": ";", "nullvalue": "NA", "Encoding": "UTF-16", "multiLine": False}),
    ("spark", "csv", "read", {"ignoreCorruptFiles": False, "mode": "PERMISSIVE"}),
    ("spark", "csv", "write", {"quoteAll": True, "compression": "gzip"}),
    ("spark", "parquet", "write", {"parquet.block.size": 1024, "PARQUET.page.size": 10}),
    ("spark", "json", "read", {"multiLine": True, "primitivesAsString": True}),
    ("sail", "csv", "read", {"nullValue": "-99", "sep": ";", "mode": "failfast", "encoding": "utf-8"}),
    ("sail", "csv", "write", {"escape": '"', "nullValue": "NA"}),
    ("sail", "delta", "write", {"whatever": 1}),
    ("spark", "iceberg", "read", {"split-size": 1}),
]


@pytest.mark.parametrize(("engine", "format_", "direction", "given"), PASS)
def test_pass_options_that_work(engine: Any, format_: str, direction: Any, given: dict[str, object]) -> None:
    options.check(engine, format_, direction, given)


REFUSED: list[tuple[Any, str, Any, dict[str, object], str]] = [
    ("spark", "csv", "read", {"nulValue": "NA"}, "no option 'nulValue'; did you mean 'nullValue'?"),
    ("spark", "csv", "read", {"samplingRatio": 0.1}, "the whole input decides the types"),
    ("spark", "csv", "read", {"columnPruning": True}, "it hides damaged records"),
    ("spark", "csv", "read", {"preferDate": True}, "dates are never guessed"),
    ("spark", "parquet", "read", {"IGNORECORRUPTFILES": True}, "expected false on Spark, found True"),
    ("spark", "orc", "read", {"ignoreMissingFiles": "true"}, "a missing file must stop the job"),
    ("spark", "parquet", "write", {"nullValue": "x"}, "parquet writer has no option 'nullValue'"),
    ("sail", "csv", "read", {"emptyValue": "E"}, "Sail's csv reader has no option 'emptyValue'"),
    ("sail", "csv", "read", {"encoding": "latin1"}, "expected utf-8 or utf8 on Sail, found 'latin1'"),
    ("sail", "csv", "read", {"mode": "PERMISSIVE"}, "set spark.engine: spark"),
    ("sail", "csv", "read", {"dateFormat": "dd"}, "no option 'dateFormat'"),
    ("sail", "csv", "read", {"allowTruncatedRows": True}, "no option 'allowTruncatedRows'"),
    ("sail", "csv", "write", {"lineSep": "\r\n"}, "no option 'lineSep'"),
    ("sail", "csv", "write", {"quoteAll": True}, "no option 'quoteAll'"),
    ("sail", "json", "read", {"multiLine": True}, "expected false on Sail"),
    ("sail", "parquet", "write", {"maxRecordsPerFile": 1}, "no option 'maxRecordsPerFile'"),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "format_", "direction", "given", "said"), REFUSED)
def test_refuse_options_that_are_passed_over(
    engine: Any, format_: str, direction: Any, given: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        options.check(engine, format_, direction, given)
    assert (caught.value.code, caught.value.exit_code) == ("CONFIG_OPTION", 78)
    assert said in str(caught.value)


def test_name_all_wrong_options_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        options.check("spark", "json", "read", {"sepp": 1, "samplingRatio": 1, "multiLine": True})
    assert len(caught.value.problems) == 2
