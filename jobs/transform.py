"""`sparkscale transform` for spark-submit: `spark-submit transform.py --config job.yaml`."""

from __future__ import annotations

import sys

from sparkscale.cli.entry import main

if __name__ == "__main__":
    main(["transform", *sys.argv[1:]])
