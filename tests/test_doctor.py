"""What the doctor finds in environments that are made up: each finding, and the way out that it names."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import pytest

from sparkscale import doctor
from sparkscale.errors import Problem, UnfitEnvironmentError

LAKES = {"Delta": ["4.0", "4.1", "4.10"], "Iceberg": ["4.0"]}
GOOD = {"pyspark": "4.1.0", "pandas": "2.2.3", "pyarrow": "18.0", "numpy": "2.1", "pysail": "0.7"}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that makes up packages, a Java (by what it prints) and variables, and returns the findings."""

    def look(*, java: str | None = 'openjdk version "17.0.1"', packages: Any = (), **variables: str) -> dict[str, Any]:
        installed = {**GOOD, **dict(packages)}

        def version(name: str) -> str:
            if not installed.get(name):
                raise importlib.metadata.PackageNotFoundError(name)
            return str(installed[name])

        monkeypatch.setattr(importlib.metadata, "version", version)
        for name in ("JAVA_HOME", "SPARK_HOME", "PYSPARK_PYTHON"):
            monkeypatch.delenv(name, raising=False)
        (tmp_path / "bin").mkdir(exist_ok=True)
        if java:
            (tmp_path / "bin" / "java").write_text(f"#!/bin/sh\necho '{java}' >&2\n")
            (tmp_path / "bin" / "java").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return {finding.what: finding for finding in doctor.examine(LAKES)}

    return look


def test_find_nothing_wrong(machine: Any) -> None:
    found = machine(packages={"pyspark": "4.0.1"})
    assert [finding.what for finding in found.values() if finding.state == "bad" or finding.fix] == []
    assert found["Java"].found.startswith("17 (")
    doctor.raise_for(list(found.values()))


@pytest.mark.parametrize(("packages", "what", "said", "fix"), [
    ({"pandas": None}, "pandas", "not installed", "pip install 'pandas>=2.2' (or 'sparkscale[spark]')"),
    ({"pyspark": "3.5.1"}, "pyspark", "3.5.1", "pip install 'pyspark>=4.0,<4.4'"),
    ({"pyspark": "4.4.0"}, "pyspark", "4.4.0", "pip install 'pyspark>=4.0,<4.4'"),
])  # fmt: skip
def test_find_a_package_that_does_not_fit(machine: Any, packages: Any, what: str, said: str, fix: str) -> None:
    finding = machine(packages=packages)[what]
    assert (finding.state, finding.found, finding.fix) == ("bad", said, fix)
    assert finding.to_dict() == {"state": "bad", "what": what, "found": said, "fix": fix}


@pytest.mark.parametrize(("pyspark", "what", "state", "said", "fix"), [
    ("4.1.0", "Delta", "ok", "PySpark 4.1.0 has it", ""),
    ("4.1.0", "Iceberg", "warn", "no release for PySpark 4.1.0; plain files work", "to use it, pip install 'pyspark==4.0.*'"),
    ("4.3.0", "Delta", "warn", "no release for PySpark 4.3.0; plain files work", "to use it, pip install 'pyspark==4.10.*'"),
    (None, "Delta", "warn", "pyspark is not installed", "to use it, pip install 'pyspark==4.10.*'"),
])  # fmt: skip
def test_find_which_lakes_pyspark_has(
    machine: Any, pyspark: str | None, what: str, state: str, said: str, fix: str
) -> None:
    finding = machine(packages={"pyspark": pyspark})[what]
    assert (finding.state, finding.found, finding.fix) == (state, said, fix)


@pytest.mark.parametrize(("java", "sail", "state", "fix"), [
    (None, "0.7", "warn", "install a Java 17 or 21 runtime; until then jobs run on Sail"),
    (None, None, "bad", "install a Java 17 or 21 runtime"),
    ('openjdk version "11.0.2"', None, "bad", "install a Java 17 or 21 runtime"),
    ('openjdk version "25"', None, "warn", "install a Java 17 or 21 runtime"),
    ('openjdk version "25"', "0.7", "warn", "install a Java 17 or 21 runtime"),
    ("nothing that Java says", "0.7", "warn", "install a Java 17 or 21 runtime; until then jobs run on Sail"),
])  # fmt: skip
def test_find_a_java_that_does_not_fit(machine: Any, java: str | None, sail: str | None, state: str, fix: str) -> None:
    finding = machine(java=java, packages={"pysail": sail})["Java"]
    assert (finding.state, finding.fix) == (state, fix)


def test_name_a_wrong_java_home_as_a_job_does(machine: Any, tmp_path: Path) -> None:
    finding = machine(packages={"pysail": None}, JAVA_HOME=str(tmp_path / "gone"))["Java"]
    found = f"{tmp_path}/gone/bin/java does not run; JAVA_HOME is {tmp_path}/gone"
    assert (finding.state, finding.found) == ("bad", found)
    assert doctor.java_problem() == Problem("ENV_JAVA", f"Java: {found}", finding.fix)
    assert finding.fix == "unset JAVA_HOME, or set it to a Java 17 or 21"


@pytest.mark.parametrize(("says", "found", "fix"), [
    ("3.8", "3.8 ({path}); ", "set PYSPARK_PYTHON to Python {ours}, the driver's version"),
    ("", "does not start ({path}); ", "set PYSPARK_PYTHON to Python {ours}, the driver's version"),
    ("{ours} pandas pyarrow", "{ours} ({path}), without pandas and pyarrow; ", "{path} -m pip install pandas pyarrow"),
])  # fmt: skip
def test_warn_of_a_python_of_workers_that_does_not_fit(
    machine: Any, tmp_path: Path, says: str, found: str, fix: str
) -> None:
    words = {"ours": ".".join(map(str, sys.version_info[:2])), "path": str(tmp_path / "other")}
    (tmp_path / "other").write_text(f"#!/bin/sh\necho {says.format(**words)}\n")
    (tmp_path / "other").chmod(0o755)
    finding = machine(PYSPARK_PYTHON=words["path"])["workers' Python"]
    assert (finding.state, finding.fix) == ("warn", fix.format(**words))  # local jobs use the driver's own
    assert finding.found == f"{found.format(**words)}local jobs use {sys.executable}"


def test_find_a_python_of_workers(machine: Any) -> None:
    finding = machine(PYSPARK_PYTHON="/nowhere")["workers' Python"]
    assert (finding.state, finding.found.split(";")[0]) == ("warn", "PYSPARK_PYTHON=/nowhere does not exist here")
    assert machine(PYSPARK_PYTHON=sys.executable)["workers' Python"].state == "ok"
    assert machine()["workers' Python"].state == "ok"


def test_find_another_spark_at_spark_home(machine: Any, tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark-core_2.13-3.5.0.jar").touch()
    finding = machine(SPARK_HOME=str(tmp_path))["SPARK_HOME"]
    assert (finding.state, finding.fix) == ("bad", "unset SPARK_HOME, or install the matching pyspark")
    assert finding.found == f"Spark 3.5 at {tmp_path}, pyspark is 4.1.0"
    assert machine(SPARK_HOME=str(tmp_path), packages={"pyspark": "3.5.4"})["SPARK_HOME"].state == "ok"


def test_end_with_all_that_is_bad(machine: Any) -> None:
    with pytest.raises(UnfitEnvironmentError, match="2 problems:\n  pandas: not installed") as refused:
        doctor.raise_for(list(machine(packages={"pandas": None, "pyarrow": None}).values()))
    assert refused.value.exit_code == 69
