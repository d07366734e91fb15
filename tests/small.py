"""The small setting: of the tests that take longest, the cases that run each time. `scripts/test --thorough` runs all."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Collection, Sequence

#: By test, the cases that the small setting keeps; `*` at the end stands for any rest, and none for no case at all.
KEPT: dict[str, tuple[str, ...]] = {
    "tests/artifact/test_promotion_races.py::test_lose_no_promotion_and_tear_no_read": ("4 x 10",),
    "tests/artifact/test_promotion_races.py::test_survive_kills_at_random_moments": ("3 kills",),
    "tests/artifact/states/test_processes.py::test_lose_nothing_of_updates_at_once": ("4-10",),
    "tests/artifact/states/test_processes.py::test_survive_kills_at_any_moment": ("20",),
    "tests/cluster/test_standalone.py::test_fit_then_transform_gives_the_bytes_of_run": (),
    "tests/cluster/test_submit.py::test_submit_in_local_mode": (),
    "tests/connect/test_updates.py::test_update_and_merge": ("sail",),
    "tests/connect/test_engines.py::test_ship_over_connect_by_artifacts": (),
    "tests/connect/test_engines.py::test_fit_gives_every_engine_the_same_statistics": (),
    "tests/connect/test_engines.py::test_transform_gives_every_engine_the_same_rows": (),
    "tests/cluster/test_submit.py::test_submit_to_a_cluster": (),
    "tests/spark/test_memory.py::test_name_a_driver_that_ran_out_of_memory": ("told",),
    "tests/spark/test_roundtrip.py::test_keep_every_type": ("parquet to parquet",),
    "tests/spark/test_where.py::test_keep_rows_by_number_and_nan": ("x",),
    "tests/spark/test_where.py::test_keep_the_same_rows_of_other_formats": ("csv",),
    "tests/spark/test_power.py::test_invert_in_every_engine": (),
    "tests/connect/test_command.py::test_interrupt_while_writing_leaves_nothing": (),  # the campaign sends the same signals
    "tests/connect/test_progress.py::test_see_tasks_and_leave_no_handler": ("sail-None",),
    "tests/spark/test_engines.py::test_invert_in_every_engine": (),
    "tests/spark/test_engines.py::test_invert_to_the_last_digits": ("MinMax",),
    "tests/spark/test_lakes.py::test_read_a_tag_and_a_table_by_name": (),
    "tests/spark/test_quantile.py::test_invert_in_every_engine": (),
    "tests/spark/test_redaction.py::test_leave_no_secret_behind": ("sail",),
    "tests/spark/test_sklearn.py::test_match_sklearn_on_bundled_data": ("wine",),
    "tests/spark/test_sklearn.py::test_match_sklearn_on_all_flights": ("standard",),
    "tests/spark/test_update.py::test_read_tables": ("delta",),
    "tests/scripts/test_packaging.py::test_package_gives_the_same_bytes": (),
    "tests/spark/test_edges.py::test_keep_plan_linear_in_scores": (),
    "tests/spark/test_edges.py::test_refuse_nonfinite_scores_of_unit_norm": (),
    "tests/spark/test_engines.py::test_agree_on_any_doubles_fitted_on_themselves": (),
    "tests/spark/test_map_extension.py::test_go_by_every_engine_with_a_native_form": (),
    "tests/spark/test_map_extension.py::test_mix_engines_in_one_select": (),
    "tests/spark/test_redaction.py::test_hide_secrets_in_what_spark_says": ("predicate",),
    "tests/spark/test_power.py::test_agree_on_values_that_the_fit_has_not_seen": (),
    "tests/connect/kept/test_partitions.py::test_keep_values_in_names_of_folders": (
        "sail-*",
        "classic-day",
        "classic-zoned",
        "classic-decimal",
    ),
    "tests/connect/kept/test_delta_iceberg.py::test_keep_values_of_partitions_in_delta": (
        "sail-*",
        "classic-zoned",
        "classic-flag",
    ),
    "tests/connect/kept/test_partitions.py::test_choose_partitions": (
        "sail-*",
        "classic-month by number",
        "classic-month given",
    ),
    "tests/connect/kept/test_delta_iceberg.py::test_write_delta_again": ("sail",),
    "tests/connect/kept/test_delta_iceberg.py::test_replace_partitions_of_delta_or_refuse": ("sail",),
    "tests/connect/kept/test_partitions.py::test_keep_text_in_names_of_folders": (
        "sail-*",
        "classic-more text",
        "classic-null",
    ),
    "tests/connect/test_lakes.py::test_ask_a_table_without_an_engine": ("append-delta",),
    "tests/connect/test_lakes.py::test_append_once_by_the_command": ("delta-spark.engine=sail",),
    "tests/connect/test_lakes.py::test_leave_nothing_of_a_failure": ("delta-spark.engine=sail",),
    "tests/connect/test_command.py::test_interrupt_while_spark_starts_leaves_no_java": ("2.0",),
    "tests/connect/test_command.py::test_trace_no_column_that_is_built": ("engine='sail'",),
    "tests/cluster/test_standalone.py::test_ship_the_package_to_executors": (),
    "tests/spark/test_lakes.py::test_publish_in_every_mode": (
        "delta",
        "iceberg table",
    ),
    "tests/spark/test_lakes.py::test_do_a_given_run_once": ("iceberg table",),
    "tests/spark/test_lakes.py::test_finish_after_a_lost_reply": (
        "False-delta",
        "True-parquet",
        "True-iceberg table",
    ),
    "tests/spark/test_weights.py::test_keep_twelve_digits_in_any_partitioning": (),
    "tests/spark/test_weights.py::test_keep_twelve_digits_of_huge_and_tiny_weights": ("by partition-1e-300",),
    "tests/spark/test_fit.py::test_keep_the_mean_of_few_decimals": ("by partition-plain",),
    "tests/spark/test_fit.py::test_keep_twelve_digits_in_any_partitioning": ("by partition-shuffled 64",),
    "tests/spark/test_drift.py::test_apply_to_a_table_that_differs": (
        "parquet-case",
        "parquet-retyped",
        "parquet-dropped",
        "csv-retyped",
    ),
    "tests/cluster/test_standalone.py::test_fail_with_its_exit_code": (),
    "tests/connect/test_texts.py::test_read_line_ends_over_connect": (),
    "tests/spark/test_explain.py::test_say_how_often_a_weighted_fit_looks": (),
    "tests/spark/test_failures.py::test_refuse_wrong_setting_at_once": ("spark.master=local[0]",),
    "tests/spark/test_orc.py::test_keep_old_dates_of_a_java_writer": (),
    "tests/spark/test_retry.py::test_commit_once_though_its_answer_was_lost": (
        "delta-Delta-True",
        "iceberg-Iceberg-False",
    ),
    "tests/connect/test_bench.py::test_run_suites_quickly": (),
    "tests/connect/test_roundtrip.py::test_keep_every_type": ("sail",),
    "tests/spark/test_edges.py::test_verify_finds_wrong_cast": (
        "native-decimal(30,6)",
        "native-boolean",
        "native-float",
        "native-long",
    ),
    "tests/spark/test_edges.py::test_use_columns_of_the_names_of_helpers": ("True-native", "False-arrow"),
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
    "tests/scripts/test_packaging.py::test_submit_calls_spark_submit": ("arguments1-*", "arguments3-*", "arguments5-*"),
    "tests/cli/test_cli.py::test_start_in_the_time_of_the_libraries_twice_and_a_half": ("init", "check", "inspect"),
    "tests/spark/test_update.py::test_read_texts": ("csv",),
    "tests/spark/test_weights.py::test_agree_with_scikit_learn": ("whole",),
    "tests/spark/test_job.py::test_transform_features_of_another_numeric_type": (
        "boolean-pandas",
        "decimal(4,2)-native",
        "float-native",
    ),
    "tests/spark/test_lakes.py::test_refuse_to_add_other_columns": (
        *(f"changed0-has no column 'y'-{target}" for target in ("parquet", "orc table", "iceberg table")),
        *(
            f"changed1-column 'x' of .*: expected double, the result has float-{target}"
            for target in ("parquet", "csv", "delta")
        ),
    ),
}

#: By module or folder, engines that the small setting leaves out: `tests/spark` has the laws of classic Spark, and what Connect
#: passes through is what classic Spark passes through.
WITHOUT = {
    "tests/connect/test_engines.py": ("classic", "connect"),
    "tests/connect/kept/": ("connect",),
}
#: Cases of a test on classic Spark, each of which costs a second or more. Which one, its name says: so that of many tests
#: with a case an engine, each engine has some.
MOST = 1
#: Those of tests whose cases are cheap, or have little in common; and of tests without Spark that have very many.
MORE = {
    "tests/config/test_rejections.py::test_refuse_wrong_type": 280,
    "tests/spark/test_conf.py": 100,
    "tests/spark/test_conformance.py": 100,
    "tests/spark/test_csv.py::test_read_csv": 25,
    "tests/spark/test_errors_table.py": 100,
    "tests/spark/test_formats.py": 8,
    "tests/spark/test_metrics.py": 100,
    "tests/spark/test_queries.py": 100,
    "tests/spark/test_queries.py::test_verify_by_the_first_partition_of_many": 1,
    "tests/spark/test_readme.py": 100,
}


def small(nodeids: Sequence[str]) -> set[str]:
    """Return those of the collected tests that the small setting runs."""
    cases: dict[str, list[str]] = {}
    for nodeid in nodeids:
        if is_small(nodeid):
            cases.setdefault(nodeid.partition("[")[0], []).append(nodeid)
    return {nodeid for test, all_ in cases.items() for nodeid in spread(test, all_, _most(test))}


def spread(test: str, cases: Sequence[str], most: int) -> list[str]:
    """Return so many of a test's cases at most: at even distances, or one by the test's name."""
    if len(cases) <= most:
        return list(cases)
    if most == 1:
        return [cases[zlib.crc32(test.encode()) % len(cases)]]
    return [cases[round(place * (len(cases) - 1) / (most - 1))] for place in range(most)]


def _most(test: str) -> int:
    if test in KEPT:
        return sys.maxsize
    most = MOST if test.startswith("tests/spark/") else sys.maxsize
    return MORE.get(test, MORE.get(test.partition("::")[0], most))


def is_small(nodeid: str) -> bool:
    """Whether the small setting runs a test, as far as its name says."""
    test, _, case = nodeid.partition("[")
    words = set(case.removesuffix("]").split("-"))
    if any(test.startswith(place) and words.intersection(engines) for place, engines in WITHOUT.items()):
        return False
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
