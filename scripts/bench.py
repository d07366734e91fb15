"""Time sparkscale against its floors and its peers, side by side, after checking that all give the same numbers.

    scripts/bench [SUITE ...] [--rows N] [--cols N] [--engine NAME] [--repeats N] [--quick] [--profile] [--json]

The entries of a contest take turns. The table shows the median of the repeats, their spread, and the ratio to the first
entry. The targets stand in `benchmark/suites.py`. `--profile` shows what the tasks of each entry did on classic Spark,
by Spark's event log. `--quick` shows that all of it works, and says nothing of speed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmark.contest import Contest, Lanes
from benchmark.lanes import SESSIONS
from benchmark.profile import EventLog
from benchmark.setting import Bench
from benchmark.suites import SUITES

_PACKAGES = ("pyspark", "pysail", "pyarrow", "pandas", "numpy", "scikit-learn", "polars", "duckdb")


def main() -> int:
    """Run the suites; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all by default")
    parser.add_argument("--rows", type=int, help="of the tables of 20 columns; wide ones have fewer (4,000,000)")
    parser.add_argument("--cols", type=int, help="columns, instead of the usual")
    parser.add_argument(
        "--engine", action="append", choices=[*SESSIONS], help="time this engine alone; may be repeated"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory", default="4g", help="of each JVM")
    parser.add_argument("--quick", action="store_true", help="small, and once")
    parser.add_argument("--profile", action="store_true", help="by Spark's event log: jobs, tasks, time on a processor")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    unknown = set(options.suites) - set(SUITES)
    if unknown:
        parser.error(f"expected suites of {', '.join(SUITES)}, found {', '.join(sorted(unknown))}")
    rows, repeats = (options.rows or 2000, 1) if options.quick else (options.rows or 4_000_000, options.repeats)
    done: dict[str, list[Contest]] = {}
    with contextlib.ExitStack() as stack:
        folder, logs = (stack.enter_context(tempfile.TemporaryDirectory(prefix=what)) for what in ("bench-", "log-"))
        log = EventLog(Path(logs)) if options.profile else None
        lanes = stack.enter_context(contextlib.closing(Lanes(options.memory, log)))
        bench = Bench(Path(folder), rows, options.cols, options.quick)
        for name in options.suites or SUITES:
            engines = set(options.engine or SESSIONS)
            done[name] = list(_contests(name, bench, lanes, repeats, engines, quiet=options.json))
            if not options.quick:
                lanes.close()  # each suite has its own, whose memory is its own
    if options.json:
        results = {name: [contest.to_dict() for contest in contests] for name, contests in done.items()}
        print(json.dumps({"machine": machine(options), **results}))
    verdicts = [verdict for contests in done.values() for contest in contests for verdict in contest.verdicts]
    return int(any(verdict.startswith("MISSED") for verdict in verdicts))


def _contests(  # noqa: PLR0913 - what the command was asked for
    name: str, bench: Bench, lanes: Lanes, repeats: int, engines: set[str], *, quiet: bool
) -> Any:
    for contest in SUITES[name](bench):
        contest.entries = [entry for entry in contest.entries if entry.engine in engines]
        if not contest.entries:
            continue
        contest.run(lanes, repeats, warm_ups=0 if bench.quick else 1)
        contest.targets = [] if bench.quick else contest.targets  # nothing is to be said of speed
        for engine, lane in lanes.items():
            peaks = ", ".join(f"{what} {mb:,} MB" for what, mb in lane.memory().items())
            contest.notes.append(f"peak memory by then, {engine}: {peaks}")
        if not quiet:
            print("\n".join(contest.lines()), end="\n\n", flush=True)
        yield contest


def machine(options: argparse.Namespace) -> dict[str, Any]:
    """Return what a figure depends on."""
    cores, memory = os.cpu_count(), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**30
    packages = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"cores": cores, "memory_gb": memory, "machine": platform.machine(), "python": platform.python_version(),
            **packages, "sessions": SESSIONS, **vars(options)}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
