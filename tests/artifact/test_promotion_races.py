"""Processes that promote, go back and are killed at the same store: no record is lost, and no reader sees half of one.

`scripts/test --thorough` runs all sizes.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import clients, objects, promotions, store
from tests.processes import ROOT, environment

VERSIONS = 5
WRITER = """
import json, random, sys, time
from sparkscale.artifact import promoting
from sparkscale.errors import InputMissingError, TemporaryError
uri, seed, times, wait = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
rng, lost = random.Random(seed), 0
print("begun", flush=True)
for n in range(times):
    while True:
        back = rng.random() < 0.3
        try:
            done = promoting.rollback(uri) if back else promoting.promote(uri, rng.randint(1, 5), reason=f"{seed}-{n}")
        except TemporaryError:
            lost += 1
            time.sleep(rng.uniform(0, wait))
            continue
        except InputMissingError as error:
            assert back and error.code == "PROMOTION_MISSING", error
            continue
        if done.changed:
            break
    print(json.dumps([done.record.number, done.record.id, done.version]), flush=True)
print(json.dumps(lost), flush=True)
"""
READER = """
import pathlib, sys
import sparkscale as ss
from sparkscale.artifact import clients, objects, promotions, store
uri, reads, seen = sys.argv[1], 0, 0
client = clients.opened(uri)
print("begun", flush=True)
while not pathlib.Path(uri, "stop").exists():
    record = promotions.current(client, uri)
    number = record.number if record else 0
    assert number >= seen, (number, seen)
    seen = number
    fitted = ss.load(uri)
    assert 1 <= fitted.stats["x"].max <= 5, fitted
    assert 1 <= store.resolve(uri) <= 5
    reads += 1
print(reads, flush=True)
"""


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """Give a store of some versions, each with its number as the largest value."""
    for number in range(1, VERSIONS + 1):
        ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": np.array([0.0, number])}).save(tmp_path)
    return str(tmp_path)


def started(code: str, *arguments: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> list[Any]:
    out, err = process.communicate(timeout=1200)
    assert process.returncode == 0, err
    assert err == ""
    return [json.loads(line) for line in out.splitlines() if line != "begun"]


def log(uri: str) -> list[promotions.Promotion]:
    """Return all records; every one is whole, and no number is left out."""
    client = clients.opened(uri)
    numbers = sorted(objects.numbers(client, promotions.FOLDER))
    assert numbers == list(range(1, len(numbers) + 1))
    return [promotions.read(client, uri, number) for number in numbers]


def assert_consistent(records: list[promotions.Promotion]) -> None:
    """Replay the log as a stack: a promotion goes on top, a rollback takes the top away."""
    stack: list[promotions.Promotion] = []
    for record in records:
        if record.action == "promote":
            assert record.previous == (stack[-1].number if stack else None)
            stack.append(record)
            continue
        stack.pop()
        assert record.version == stack[-1].version
        assert record.previous == (stack[-2].number if len(stack) > 1 else None)
        stack[-1] = record


def test_replay_finds_a_wrong_log() -> None:
    from tests.artifact.test_promotions import sealed

    one = promotions.load(sealed(previous=None), 1, "a")
    two = promotions.load(sealed(version=3), 2, "b")
    back = promotions.load(sealed(action="rollback", previous=None), 3, "c")
    assert_consistent([one, two, back])
    for wrong in (
        [one, one],
        [one, two, two],
        [one, two, promotions.load(sealed(action="rollback", version=3), 3, "c")],
    ):
        with pytest.raises(AssertionError):
            assert_consistent(wrong)


@pytest.mark.slow
@pytest.mark.parametrize(("writers", "times"), [(4, 10), (20, 50)], ids=["4 x 10", "20 x 50"])
def test_lose_no_promotion_and_tear_no_read(uri: str, writers: int, times: int) -> None:
    readers = [started(READER, uri) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "begun\n"
    done = [ended(process) for process in [started(WRITER, uri, seed, times, writers / 100) for seed in range(writers)]]
    Path(uri, "stop").touch()
    assert all(reads[0] > 0 for reads in map(ended, readers))
    records = log(uri)
    won = [tuple(record) for *own, _ in done for record in own]
    assert len(won) == writers * times
    assert sorted(won) == [(record.number, record.id, record.version) for record in records]
    assert_consistent(records)
    assert store.resolve(uri) == records[-1].version


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, 200], ids="{} kills".format)
def test_survive_kills_at_random_moments(uri: str, kills: int) -> None:
    rng, known = np.random.default_rng(kills), 0
    for seed in range(kills):
        process = started(WRITER, uri, seed, 10_000, 0)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (-signal.SIGKILL, "")
        won = [json.loads(line) for line in out.splitlines() if line.endswith("]")]
        records = log(uri)
        assert_consistent(records)
        assert len(records) >= known + len(won)  # one more, if it was killed before it said so
        assert {(number, id_) for number, id_, _ in won} <= {(record.number, record.id) for record in records}
        known = len(records)
        assert ss.load(uri).stats["x"].max == (records[-1].version if records else VERSIONS)
    assert ss.promote(uri, 1).version == 1
