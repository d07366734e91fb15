"""What sparkscale does: each function is given a lane's session, and gives numbers to be compared, or None."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.floors import Numbers, features
from benchmark.processes import in_a_process


def fit(spark: Any, data: str, columns: Sequence[str] = (), scaler: str = "Standard") -> Numbers:
    """Fit by sparkscale."""
    import sparkscale as ss

    df = spark.read.parquet(data)
    wanted = list(columns) or features(df)
    fitted = ss.Pipeline([getattr(ss, scaler)(wanted)]).fit(df)
    return _of(fitted, wanted)


def update(spark: Any, data: str, states: str, columns: Sequence[str] = (), *, again: bool = False) -> Numbers:
    """Update the states of partitions and merge them: from nothing, or from what that has left but one partition."""
    import sparkscale as ss
    from sparkscale.artifact.states.commits import Commit

    place = f"{states}-of-others" if again else states
    shutil.rmtree(place, ignore_errors=True)
    kept = ss.States(place)
    if again:
        shutil.copytree(states, place)
        lost = kept.partitions()[-1].key
        kept.log.commit(lambda state: Commit(state.keys, removed=(lost,)))
    df = spark.read.parquet(data)
    wanted = list(columns) or features(df)
    by = next(Path(data).glob("*=*")).name.partition("=")[0]
    done = kept.update(df, ss.Pipeline([ss.Standard(wanted)]), by=[by])
    assert not again or len(done.read) == 1  # noqa: S101 - else something else is timed
    return _of(kept.merged(), wanted)


def merge(_spark: Any, states: str) -> Numbers:
    """Merge stored states, without an engine."""
    import sparkscale as ss

    return _of(ss.States(states).merged(), [])


def _of(fitted: Any, wanted: Sequence[str]) -> Numbers:
    of = [fitted.stats[name] for name in wanted]
    return {what: [getattr(stats, what) for stats in of] for what in ("min", "max", "mean", "std")}


def power(spark: Any, data: str) -> Numbers:
    """Fit power transforms by sparkscale."""
    import sparkscale as ss

    df = spark.read.parquet(data)
    fitted = ss.Pipeline([ss.Power(features(df))]).fit(df)
    return {"exponent": [map_.maps[0].exponent for map_ in fitted.maps[0]]}


def temperature(spark: Any, data: str) -> Numbers:
    """Fit a temperature to labels by sparkscale."""
    import sparkscale as ss

    df = spark.read.parquet(data)
    fitted = ss.Pipeline([ss.Softmax(features(df, "s"), temperature={"fit": "label"})]).fit(df)
    return {"temperature": [found.temperature for found in fitted.calibrations.values()]}


def transform(spark: Any, data: str, out: str, fitted: str, engine: str = "auto") -> Numbers:
    """Apply a saved artifact by sparkscale, and write."""
    import sparkscale as ss

    ss.load(fitted).transform(spark.read.parquet(data), engine=engine).write.mode("overwrite").parquet(out)
    return None


def job(_spark: Any, file: str) -> Numbers:
    """Run a job file as the command does, in this process; the session of the lane serves it."""
    from sparkscale.config import jobfile
    from sparkscale.run.job import run

    run(jobfile.load(file, run_id=f"{time.time_ns()}"))
    return None


def cold_job(_spark: Any, file: str, engine: str) -> Numbers:
    """Run the command in a new process."""
    arguments = ["run", "--config", file, "--run-id", f"{time.time_ns()}", "--set", f"spark.engine={engine}"]
    return in_a_process(f"from sparkscale.cli.entry import main; main({arguments!r})")


def command(_spark: Any, arguments: Sequence[str]) -> Numbers:
    """Run a command that starts no engine."""
    return in_a_process(f"from sparkscale.cli.entry import main; main({list(arguments)!r})")
