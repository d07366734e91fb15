"""spark-submit jobs/transform.py --config conf/flights.yaml: the same as `sparkscale transform`."""

from __future__ import annotations

import sys

from sparkscale.cli.entry import main

if __name__ == "__main__":
    main(["transform", *sys.argv[1:]])
