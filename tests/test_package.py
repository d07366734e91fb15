"""The package as a whole: the names that a notebook completes."""

from __future__ import annotations

import subprocess
import sys


def test_list_public_names_without_importing_their_modules() -> None:
    code = "import sys, sparkscale; print(set(sparkscale.__all__) <= set(dir(sparkscale)), 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"
