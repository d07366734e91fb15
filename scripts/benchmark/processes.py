"""Works that need a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmark.floors import Numbers


def in_a_process(code: str) -> Numbers:
    """Run code in a new process until it ends."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{code}\n{done.stderr}")
    return None
