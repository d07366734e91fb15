"""Updates in processes of their own: killed at each step and at any moment, and several at once with readers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.artifact.states.nights import (
    Nights,
    lose_nothing_of_updates_at_once,
    survive_a_kill_at_each_step,
    survive_kills_at_any_moment,
)


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    """Give a table whose states are in a folder."""
    with Nights.at(tmp_path, str(tmp_path)) as nights:
        yield nights


@pytest.mark.slow
def test_survive_a_kill_at_each_step(nights: Nights) -> None:
    survive_a_kill_at_each_step(nights)


@pytest.mark.slow
@pytest.mark.parametrize("times", [20, 200])
def test_survive_kills_at_any_moment(nights: Nights, times: int) -> None:
    survive_kills_at_any_moment(nights, times, seconds=0.06)


@pytest.mark.slow
@pytest.mark.parametrize(("writers", "rounds"), [(4, 10), (20, 50)])
def test_lose_nothing_of_updates_at_once(nights: Nights, writers: int, rounds: int) -> None:
    lose_nothing_of_updates_at_once(nights, writers, rounds)
