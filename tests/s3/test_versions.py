"""Versions and promotions in an object store: the same as in a folder, and of several at once one wins."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import clients, document, objects, promotions, store
from sparkscale.errors import DataError, InputMissingError, TemporaryError
from sparkscale.pipeline.fitted import Fitted
from tests.processes import assert_done, sparkscale
from tests.s3.conftest import BUCKET


def fitted(number: float) -> Fitted:
    return ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": np.array([0.0, number])})


@pytest.fixture
def uri(server: str, here: Path) -> str:
    """Give a store of three versions."""
    place = f"s3a://{BUCKET}/{here.name}/stats"
    assert [fitted(n).save(place) for n in (1, 2, 3)] == [1, 2, 3]
    return place


def test_promote_and_roll_back_on_s3(uri: str) -> None:
    assert (store.resolve(uri), store.promoted(uri), store.versions(uri)) == (3, None, [1, 2, 3])
    with pytest.raises(InputMissingError):
        ss.rollback(uri)
    ss.promote(uri, 1)
    ss.promote(uri, 2, reason="better")
    assert (ss.load(uri), ss.load(uri, "newest"), ss.load(uri, 1)) == (fitted(2), fitted(3), fitted(1))
    assert fitted(3).save(uri) == 3  # promotions are no versions
    assert ss.rollback(uri).version == store.resolve(uri, "promoted") == 1
    assert store.versions(uri) == [1, 2, 3]
    found = ss.versions(uri)
    assert [(row.version, row.promoted, row.rows) for row in found] == [(1, True, 2), (2, False, 2), (3, False, 2)]


def test_refuse_damage_on_s3(uri: str) -> None:
    import obstore

    client = clients.opened(uri)
    ss.promote(uri, 1)
    obstore.put(client, "promotions/00000002.json", document.dump(fitted(1)))
    with pytest.raises(DataError, match=r"promotions/00000002\.json: expected the record of a promotion"):
        ss.load(uri)
    obstore.put(client, "00000002.json", b"{}")
    with pytest.raises(DataError):
        ss.promote(uri, 2)
    assert [bool(row.damaged) for row in ss.versions(uri)] == [False, True, False]
    assert ss.promote(uri, 3).before == 1


def test_let_one_of_several_win_on_s3(uri: str) -> None:
    won: list[promotions.Promotion] = []
    wrong: list[Exception] = []

    def promote(index: int) -> None:
        for n in range(5):
            try:
                done = ss.promote(uri, 1 + (index + n) % 3)
            except TemporaryError:
                continue
            except Exception as error:  # noqa: BLE001 - handed over to the test's own thread
                wrong.append(error)
                return
            if done.changed:
                won.append(done.record)

    threads = [threading.Thread(target=promote, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert ss.load(uri).stats["x"].max in (1, 2, 3)
    assert not wrong
    client = clients.opened(uri)
    numbers = sorted(objects.numbers(client, promotions.FOLDER))
    assert numbers == list(range(1, len(numbers) + 1))
    assert [promotions.read(client, uri, n) for n in numbers] == sorted(won, key=lambda record: record.number)


def test_commands_on_s3(uri: str, here: Path) -> None:
    done = sparkscale("promote", uri, "2", "--json", cwd=here, env=dict(os.environ))
    assert_done(done)
    assert json.loads(done.stdout)["version"] == 2
    listed = sparkscale("versions", uri, "--json", cwd=here, env=dict(os.environ))
    assert_done(listed)
    assert [row["promoted"] for row in json.loads(listed.stdout)["versions"]] == [False, True, False]
    assert "the-secret-key" not in listed.stdout + listed.stderr
