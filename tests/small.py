"""The small setting: of the tests that take longest, the cases that run each time. `scripts/test --thorough` runs all."""

from __future__ import annotations

from collections.abc import Collection

#: By test, the cases that the small setting keeps; none where it leaves the whole test out.
KEPT: dict[str, tuple[str, ...]] = {
    "tests/artifact/test_promotion_races.py::test_lose_no_promotion_and_tear_no_read": ("4 x 10",),
    "tests/artifact/test_promotion_races.py::test_survive_kills_at_random_moments": ("3 kills",),
    "tests/cluster/test_standalone.py::test_fit_then_transform_gives_the_bytes_of_run": (),
    "tests/cluster/test_submit.py::test_submit_in_local_mode": (),
    "tests/connect/test_bench.py::test_run_suites_quickly": ("two",),
    "tests/connect/test_lakes.py::test_ask_a_table_without_an_engine": ("append-delta", "overwrite-iceberg"),
    "tests/connect/test_lakes.py::test_append_once_by_the_command": (
        "delta-spark.master=local[2]",
        "delta-spark.engine=sail",
    ),
    "tests/connect/test_lakes.py::test_leave_nothing_of_a_failure": (
        "iceberg-spark.master=local[2]",
        "delta-spark.engine=sail",
    ),
    "tests/connect/test_roundtrip.py::test_keep_every_type": ("sail",),
    "tests/spark/test_drift.py::test_apply_to_a_table_that_differs": (
        *(f"parquet-{kind}" for kind in ("extra", "widened", "narrowed", "retyped", "dropped", "case", "reordered")),
        "csv-retyped",
        "orc-case",
        "json-narrowed",
    ),
    "tests/spark/test_edges.py::test_verify_finds_wrong_cast": (
        "pandas-decimal(30,6)",
        "native-decimal(30,6)",
        "native-boolean",
        "native-float",
        "native-long",
    ),
    "tests/spark/test_engines.py::test_invert_to_the_last_digits": ("MinMax", "Standard", "Robust"),
    "tests/spark/test_fit.py::test_keep_the_mean_of_few_decimals": (
        "whole-with holes",
        "by partition-plain",
        "whole-in Python",
    ),
    "tests/spark/test_fit.py::test_keep_twelve_digits_in_any_partitioning": (
        "by partition-shuffled 64",
        "by partition-coalesced",
        "whole-sorted 7",
        "whole-with empty partitions",
    ),
    "tests/spark/test_weights.py::test_keep_twelve_digits_in_any_partitioning": (
        "whole-sorted",
        "by partition-shuffled",
        "by partition-with empty partitions",
    ),
    "tests/spark/test_weights.py::test_agree_with_scikit_learn": ("whole",),
    "tests/spark/test_job.py::test_transform_features_of_another_numeric_type": (
        "boolean-pandas",
        "decimal(4,2)-native",
        "float-native",
    ),
    "tests/spark/test_lakes.py::test_do_a_given_run_once": ("parquet", "delta", "iceberg table"),
    "tests/spark/test_lakes.py::test_finish_after_a_lost_reply": (
        "False-parquet",
        "False-delta",
        "True-parquet",
        "True-iceberg table",
    ),
    "tests/spark/test_lakes.py::test_publish_in_every_mode": ("parquet", "json", "orc table", "delta", "iceberg table"),
    "tests/spark/test_roundtrip.py::test_keep_every_type": ("parquet to parquet", "parquet/k to parquet", "csv to csv"),
    "tests/spark/test_sklearn.py::test_match_sklearn_on_bundled_data": ("iris", "wine"),
}


def is_small(nodeid: str) -> bool:
    """Whether the small setting runs a test."""
    test, _, case = nodeid.partition("[")
    return test not in KEPT or case.removesuffix("]") in KEPT[test]


def unknown(nodeids: Collection[str]) -> list[str]:
    """Return the kept cases that no collected test has, of tests that were collected."""
    collected = {nodeid.partition("[")[0] for nodeid in nodeids}
    kept = [f"{test}[{case}]" for test, cases in KEPT.items() if test in collected for case in cases]
    return [nodeid for nodeid in kept if nodeid not in nodeids]
