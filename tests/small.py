"""The small setting: of the tests that take longest, the cases that run each time. `scripts/test --thorough` runs all."""

from __future__ import annotations

from collections.abc import Collection

#: By test, the cases that the small setting keeps; `*` at the end stands for any rest, and none for no case at all.
KEPT: dict[str, tuple[str, ...]] = {
    "tests/artifact/test_promotion_races.py::test_lose_no_promotion_and_tear_no_read": ("4 x 10",),
    "tests/artifact/test_promotion_races.py::test_survive_kills_at_random_moments": ("3 kills",),
    "tests/artifact/states/test_processes.py::test_lose_nothing_of_updates_at_once": ("4-10",),
    "tests/artifact/states/test_processes.py::test_survive_kills_at_any_moment": ("20",),
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
    # Pairs: a fit by each path, a transform by each engine.
    "tests/spark/test_edges.py::test_use_columns_of_the_names_of_helpers": (
        "True-native",
        "False-arrow",
        "True-pandas",
    ),
    "tests/spark/test_engines.py::test_invert_to_the_last_digits": ("MinMax", "Robust"),
    # Both paths of a fit learn the same; what follows from the statistics, or comes before them, is tried on one.
    **{
        f"tests/spark/test_fit.py::{test}": cases
        for test, cases in {
            "test_fit_same_bits_for_same_partitioning": ("by partition",),
            "test_fit_the_same_bits_with_one_sum": ("whole",),
            "test_fit_huge_and_tiny_columns": ("whole-1", "by partition-3"),
            "test_merge_parts_as_fit_of_whole": ("by partition-*",),
            "test_merge_parts_of_ordinary_column_to_fourteen_digits": ("by partition",),
            "test_refuse_table_without_rows": ("whole-*",),
            "test_sketch_in_python_counts_null_and_nan_apart": ("whole",),
            "test_sketch_quantiles_native_and_in_python": ("by partition",),
            "test_sketch_that_holds_all_values_has_one_form": ("whole",),
            "test_warn_of_decimals_that_double_rounds": ("whole-*",),
            "test_warn_of_integers_that_double_rounds": ("by partition",),
            "test_sum_once_what_single_precision_holds": ("whole-*",),
        }.items()
    },
    **{
        f"tests/spark/test_weights.py::{test}": cases
        for test, cases in {
            "test_keep_twelve_digits_of_huge_and_tiny_weights": ("whole-1e+300", "by partition-1e-300"),
            "test_weigh_by_any_type_of_numbers": (
                "whole-int",
                "by partition-float",
                "whole-decimal(12,3)",
                "by partition-bigint",
            ),
            "test_scale_the_weight_itself_when_named": ("whole",),
            "test_look_again_weighted": ("by partition",),
            "test_impute_by_known_weights_without_a_look": ("whole",),
            "test_refuse_bad_weights_with_counts": ("by partition",),
            "test_refuse_weights_that_are_all_zero": ("whole",),
            "test_fit_columns_without_values": ("by partition",),
            "test_merge_parts_as_the_whole": ("whole",),
        }.items()
    },
    "tests/spark/test_queries.py::test_count_few_queries_where_each_costs": (
        "rows-13-1",
        "rows-65-2",
        "cluster-12-1",
        "cluster-130-3",
        "wide-64-1",
        "wide-65-2",
    ),
    "tests/spark/test_winners.py::test_find_wrong_facts_by_the_self_check": (
        "label-columns0",
        "confidence-s",
        "entropy-columns0",
    ),
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
    "tests/spark/test_update.py::test_read_tables": ("delta", "iceberg"),
    "tests/spark/test_update.py::test_read_texts": ("csv",),
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
    "tests/spark/test_lakes.py::test_refuse_to_add_other_columns": (
        *(f"changed0-has no column 'y'-{target}" for target in ("parquet", "orc table", "iceberg table")),
        *(
            f"changed1-column 'x' of .*: expected double, the result has float-{target}"
            for target in ("parquet", "csv", "delta")
        ),
    ),
    "tests/spark/test_roundtrip.py::test_keep_every_type": ("parquet to parquet", "parquet/k to parquet", "csv to csv"),
    "tests/spark/test_sklearn.py::test_match_sklearn_on_bundled_data": ("iris", "wine"),
}


def is_small(nodeid: str) -> bool:
    """Whether the small setting runs a test."""
    test, _, case = nodeid.partition("[")
    return test not in KEPT or any(_is(case.removesuffix("]"), kept) for kept in KEPT[test])


def _is(case: str, kept: str) -> bool:
    return case.startswith(kept[:-1]) if kept.endswith("*") else case == kept


def unknown(nodeids: Collection[str]) -> list[str]:
    """Return the kept cases that no collected test has; a test that was not collected is left out."""
    cases: dict[str, list[str]] = {}
    for nodeid in nodeids:
        test, _, case = nodeid.partition("[")
        cases.setdefault(test, []).append(case.removesuffix("]"))
    return [
        f"{test}[{kept}]"
        for test in KEPT.keys() & cases.keys()
        for kept in KEPT[test]
        if not any(_is(case, kept) for case in cases[test])
    ]
