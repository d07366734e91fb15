"""Run the command: ``python -m sparkscale.cli``."""

from __future__ import annotations

from sparkscale.cli.entry import main

main()
