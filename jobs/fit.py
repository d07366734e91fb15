"""`sparkscale fit` for spark-submit: `spark-submit fit.py --config job.yaml`."""

from __future__ import annotations

import sys

from sparkscale.cli.entry import main

if __name__ == "__main__":
    main(["fit", *sys.argv[1:]])
