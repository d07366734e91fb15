"""spark-submit jobs/fit.py --config conf/flights.yaml: the same as `sparkscale fit`."""

from __future__ import annotations

import sys

from sparkscale.cli.entry import main

if __name__ == "__main__":
    main(["fit", *sys.argv[1:]])
