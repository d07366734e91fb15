"""`sparkscale run` for spark-submit: `spark-submit run.py --config job.yaml`."""

from __future__ import annotations

import sys

from sparkscale.cli.entry import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
