"""What an update says: the partitions, what it learned, and which version stays in use."""

from __future__ import annotations

from typing import Any

import numpy as np

import sparkscale as ss
from sparkscale.report.updates import UpdateReport


def test_say_what_was_learned_and_which_version_stays_promoted(snapshot: Any) -> None:
    rng = np.random.default_rng(2)
    table = {"x": rng.normal(size=60), "a": rng.normal(0, 3, 60), "b": rng.normal(0, 3, 60), "y": np.arange(60) % 2}
    steps = [ss.Standard("x"), ss.Softmax(["a", "b"], temperature={"fit": "y"}, into="p_{column}")]
    fitted = ss.Pipeline(steps).fit_arrays(table)
    report = UpdateReport("update", "r-1", artifact={"path": "stats", "version": 3}, promoted=1)
    report.learned(fitted)
    snapshot("\n".join(report.lines()).replace(fitted.calibrations[2].summary, "..."))
    assert (report.rows, list(report.to_dict()["calibrations"])) == (60, ["step 2 (softmax)"])
