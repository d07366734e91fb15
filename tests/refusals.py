"""What goes wrong, for snapshots: job files that differ from a good one, and how the command ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pytest

from sparkscale.cli import entry

HEAD = "version: 1\ninput: {format: parquet, path: in}\n"
STEP = "steps: [{kind: minmax, columns: x}]\n"
OUT = "output: {format: parquet, path: out}\n"


def step(text: str) -> str:
    """Return a job of one step; it stands in line 4."""
    return f"{HEAD}steps:\n  - {text}\n{OUT}"


def where(text: str) -> str:
    """Return a job with predicates; they stand in line 2."""
    return f"version: 1\ninput: {{format: parquet, path: in, where: {text}}}\n{STEP}{OUT}"


def provoked(arguments: Sequence[str], job: str | None = None) -> str:
    """Return what was typed, and the lines that the job file has more than a good one, else those that it lacks."""
    lines = [f"$ sparkscale {' '.join(arguments)}"]
    if job is not None:
        good, found = Counter((HEAD + STEP + OUT).splitlines()), Counter(job.splitlines())
        lines += [f"+ {line.expandtabs():.200}" for line in found - good] or [f"- {line}" for line in good - found]
    return "\n".join(lines)


def ended(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Call the command, which must fail without a word on stdout or a traceback; return exit code and last line."""
    with pytest.raises(SystemExit) as end:
        entry.main(arguments)
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    line = re.sub(r"sha256:[0-9a-f]{12}", "sha256:*", said.err.splitlines()[-1])
    return f"exit {end.value.code}\n{line}"
