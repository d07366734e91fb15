"""States after an update, in a folder of each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkscale.artifact.states.states import States
from tests.artifact.states.tables import Table, table


@pytest.fixture
def known(tmp_path: Path) -> tuple[States, Table]:
    """Give states after an update, and their table."""
    data, states = table(), States(tmp_path / "states")
    data.update(states)
    return states, data
