"""The package as a whole: the names that a notebook completes, and `python -m sparkscale`."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest

from sparkscale._version import __version__
from sparkscale.spark.session import lakes
from tests.processes import ROOT

#: Imports each module first, with nothing else of the package in memory.
EACH_FIRST = """
import importlib, json, sys
failed = {}
for name in json.loads(sys.argv[1]):
    for known in [known for known in sys.modules if known.partition(".")[0] == "sparkscale"]:
        del sys.modules[known]
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = str(error)
print(json.dumps(failed))
"""


@pytest.mark.slow
def test_import_each_module_first(thorough: bool) -> None:
    folder = ROOT / "sparkscale" / ("." if thorough else "spark/transform")  # where modules import each other most
    files = [path.relative_to(ROOT) for path in folder.rglob("*.py") if path.stem != "__main__"]
    names = [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in sorted(files)]
    command = [sys.executable, "-c", EACH_FIRST, json.dumps(names)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == {}


def test_list_public_names_without_importing_their_modules() -> None:
    code = "import sys, sparkscale; print(set(sparkscale.__all__) <= set(dir(sparkscale)), 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_run_the_package_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "sparkscale", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"sparkscale, version {__version__}\n"


def test_extras_bring_the_newest_pyspark_with_delta_and_iceberg() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    both = lakes.PACKAGES["delta"].keys() & lakes.PACKAGES["iceberg"].keys()
    major, minor = max(tuple(map(int, line.split("."))) for line in both)
    for extra, name in (("spark", "pyspark"), ("connect", "pyspark[connect]")):
        assert f"{name}>=4.0,<{major}.{minor + 1}" in project[extra]
