"""spark-submit jobs/run.py --config conf/flights.yaml: the same as `sparkscale run`."""

from __future__ import annotations

import sys

from sparkscale.cli.entry import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
