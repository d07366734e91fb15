"""The campaign of faults: real processes, real SIGKILL, real full disks; and what was left of the promises.

    scripts/faults [--long] [--only NAME ...] [--seed N] [--engine spark|sail] [--json]

Exit code 1 where a promise was broken. I1: a reader finds the whole old or the whole new data. I2: nothing is deleted
before its replacement is complete. I3: the same run again gives the same rows and artifact, and changes nothing once
it has finished. I4: exit code and one line. I5: nothing is left behind. I6: no secret anywhere.
I7: no flip in a page with a checksum becomes another number.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from campaign import ledger, processes
from campaign.ledger import Tally
from campaign.stage import Stage

#: Each fault, its module and function. Two are done at a time; what waits for Spark most comes first and last.
FAULTS = {
    "failpoints, tables": ("failpoints", "lakes"),
    "failpoints, files": ("failpoints", "campaign"),
    "driver killed": ("kills", "campaign"),
    "writers": ("writers", "campaign"),
    "bad files": ("files", "campaign"),
    "signals": ("signals", "campaign"),
    "worker killed": ("workers", "campaign"),
    "disk full": ("storage", "campaign"),
    "read-only": ("storage", "read_only"),
}


def main() -> int:
    """Do the faults, print the table, return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="as often as in the long column of the fault matrix")
    parser.add_argument("--only", action="append", choices=FAULTS, metavar="NAME", help=f"one of {', '.join(FAULTS)}")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same faults again")
    parser.add_argument("--engine", choices=["spark", "sail"], help="where there is but one; both by default")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    options = parser.parse_args()
    processes.prepare()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # to unmount, as after Ctrl-C
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    engines = frozenset({options.engine} if options.engine else {"spark", "sail"})
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        stage = Stage(Path(folder), options.seed, options.long, engines)
        try:
            with ThreadPoolExecutor(2) as lanes:
                tallies = list(lanes.map(lambda name: do(name, stage), options.only or FAULTS))
        finally:
            stage.close()
            os.chdir("/")
    if options.json:
        print(json.dumps({"seed": options.seed, "long": options.long, "faults": [t.to_dict() for t in tallies]}))
    else:
        print("\n".join(ledger.lines(tallies)))
    return int(any(tally.violations for tally in tallies))


def do(name: str, stage: Stage) -> Tally:
    """Do one fault; a campaign that fails itself has shown nothing."""
    tally, began = Tally(name), time.monotonic()
    try:
        module, function = FAULTS[name]
        getattr(importlib.import_module(f"campaign.{module}"), function)(stage, tally)
    except Exception:  # noqa: BLE001 - the others are done all the same
        tally.hold("I4", kept=False, what=f"the campaign itself failed: {traceback.format_exc()}")
    tally.seconds = time.monotonic() - began
    print("\n".join(ledger.lines([tally])), file=sys.stderr, flush=True)
    return tally


if __name__ == "__main__":
    sys.exit(main())
