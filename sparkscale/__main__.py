"""Run the command: ``python -m sparkscale``."""

from __future__ import annotations

from sparkscale.cli.entry import main

if __name__ == "__main__":
    main()
