"""The package as a whole: the names that a notebook completes, and `python -m sparkscale`."""

from __future__ import annotations

import subprocess
import sys

from sparkscale._version import __version__


def test_list_public_names_without_importing_their_modules() -> None:
    code = "import sys, sparkscale; print(set(sparkscale.__all__) <= set(dir(sparkscale)), 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_run_the_package_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "sparkscale", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"sparkscale, version {__version__}\n"
