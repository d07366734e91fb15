"""The benchmark: all of it works, what is compared must be equal, and its verdicts are those of its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ROOT, environment

sys.path.insert(0, str(ROOT / "scripts"))
from benchmark.contest import Contest, Entry, Lanes, Target
from benchmark.setting import Bench
from benchmark.suites import SUITES


def given(_spark: Any, mean: float) -> dict[str, Any]:
    return {"mean": [mean, 1.0]}


def fail(_spark: Any) -> None:
    raise ValueError("no such table")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("suites", [["fit"], list(SUITES)], ids=["fit", "all"])
def test_run_suites_quickly(suites: list[str]) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "bench.py"), *suites, "--quick", "--profile", "--json"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {"machine", *suites}
    assert {"cores", "memory_gb", "pyspark", "pysail", "polars", "duckdb", "sessions"} <= found["machine"].keys()
    for suite in suites:
        for contest in found[suite]:
            assert all(len(entry["seconds"]) == 1 and entry["median"] > 0 for entry in contest["entries"].values())
            assert contest["targets"] == []  # nothing is said of speed
    profiles = found["fit"][0]["profiles"]
    assert {"noop scan", "sparkscale", "MLlib"} <= profiles.keys()
    assert "sparkscale on Sail" not in profiles
    assert all(profile["tasks"] > 0 and profile["on_cpu"] > 0 for profile in profiles.values())
    # To read the schema is a job of each; then a scan is one, and a fit a shuffle and its result.
    assert (profiles["noop scan"]["jobs"], profiles["sparkscale"]["jobs"]) == (2, 3)
    if "job" in suites:
        entrants = {name for contest in found["job"] for name in contest["entries"]}
        assert {"sparkscale run", "sparkscale run on Sail", "MLlib", "scikit-learn", "Polars", "DuckDB"} <= entrants


def test_time_nothing_before_the_numbers_are_equal() -> None:
    lanes = Lanes("1g")
    entries = [Entry("a", partial(given, mean=2.0), "python"), Entry("b", partial(given, mean=2.0000001), "python")]
    contest = Contest("means", entries)
    try:
        with pytest.raises(AssertionError, match="mean by b, against a"):
            contest.run(lanes, 1)
        assert contest.seconds == {}
        contest = Contest("means", entries[:1])
        contest.run(lanes, 2)
        assert len(contest.seconds["a"]) == 2
        with pytest.raises(RuntimeError, match="no such table"):
            Contest("broken", [Entry("c", fail, "python")]).run(lanes, 1)
    finally:
        lanes.close()


def test_judge_by_medians() -> None:
    contest = Contest("t", [], [Target("us", "floor", 1.5), Target("us", "peer", 1 / 2), Target("us", "absent", 1.0)])
    contest.seconds = {"floor": [1.0, 9.0, 1.0], "us": [1.4, 1.4, 0.1], "peer": [2.7, 2.7, 2.7]}
    assert contest.verdicts == [
        "met: us takes 1.40 times floor (<= 1.50)",
        "MISSED: us is 1.93 times as fast as peer (>= 2.00)",
    ]
    assert "x 1.40" in "\n".join(contest.lines())
    assert "a column" not in "\n".join(contest.lines())


def test_time_a_column() -> None:
    contest = Contest("t", [], alike=False, columns={"200": 200, "400": 400})
    contest.seconds = {"200": [0.5, 0.5, 9.0], "400": [2.0, 2.0, 2.0]}
    assert [line.split("x ")[1] for line in contest.lines() if "x " in line] == [
        "1.00     2.500 ms a column",
        "4.00     5.000 ms a column",
    ]


def test_hold_a_wide_table_to_a_straight_line(tmp_path: Path) -> None:
    contests = list(SUITES["wide"](Bench(tmp_path, 2000, None, quick=True)))
    assert len(contests) == 3 * (6 + 1) + 3  # six stages and a floor on each engine, three without one
    straight, bent = [0.1, 0.25], [0.1, 0.35]
    for seconds, expected in ((straight, "met"), (bent, "MISSED")):
        less, more = contests[0].columns
        contests[0].seconds = {less: seconds[:1], more: seconds[1:]}
        (verdict,) = contests[0].verdicts
        assert verdict.startswith(expected)


def test_hold_planning_to_a_select(tmp_path: Path) -> None:
    floors = [one for one in SUITES["wide"](Bench(tmp_path, 2000, None, quick=True)) if "planning" in one.title]
    assert [entry.engine for one in floors for entry in one.entries] == ["spark"] * 2 + ["connect"] * 2 + ["sail"] * 2
    floor, ours = floors[0].entries
    for seconds, expected in (([1.0, 1.4], "met"), ([1.0, 1.6], "MISSED")):
        floors[0].seconds = {floor.name: seconds[:1], ours.name: seconds[1:]}
        (verdict,) = floors[0].verdicts
        assert verdict.startswith(expected)
