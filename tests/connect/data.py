"""What the scenario is run on: tables of edges, as lists in which None is a null and NaN is NaN."""

from __future__ import annotations

import itertools
import math
import random
from decimal import Context, Decimal
from typing import Any

import numpy as np

from tests import numacc

WIDE = Context(prec=60)
NAN, INF = math.nan, math.inf
PARTITIONS = (1, 2, 7)
#: Few enough that a quantile sketch holds them all, and is the same in every engine.
ROWS = 700
NAMES = ("plain", "with.dots", "with space", "tick`s", "quo\"te'", "rocket \U0001f680", "select", "UPPER")


def accuracy() -> dict[str, Any]:
    """Return NumAcc1 to NumAcc4 and columns of mean 1e9 and std 1, shuffled and sorted, filled up with nulls."""
    offset = np.random.default_rng(20).normal(1e9, 1.0, 5000)
    sets = {item.name: item.values for item in numacc.ALL} | {"offset": offset, "offset sorted": np.sort(offset)}
    return {name: values.tolist() + [None] * (5000 - len(values)) for name, values in sets.items()}


def decimals() -> dict[str, Any]:
    """Return columns of few decimals, repeated."""
    return dict(numacc.few_decimals(400_000))


#: Precision and scale of decimals: without places, few digits, and those that a double holds in part.
DECIMALS = ((5, 2), (15, 15), (16, 1), (18, 6), (19, 0), (20, 10), (25, 25), (30, 6), (38, 0), (38, 18), (38, 37))


def exact() -> dict[str, Any]:
    """Return numbers of every exact type, 300 of each, and arrays of decimals; the order is that of ``id``."""
    rng = random.Random(30)  # noqa: S311 - NumPy's has no whole numbers of 38 digits
    out: dict[str, Any] = {"id": list(range(300)), "units": [Decimal(f"{10**12 + i}.000000") for i in range(300)]}
    for digits, scale in DECIMALS:
        tops = [rng.randint(1 - 10 ** rng.randint(1, digits), 10 ** rng.randint(1, digits) - 1) for _ in range(298)]
        numbers = [10**digits - 1, 1 - 10**digits, *tops]
        out[f"d{digits},{scale}"] = [None if n % 29 == 7 else Decimal(n).scaleb(-scale, WIDE) for n in numbers]
    out["array"] = [[out["d30,6"][i - k] for k in range(i % 4)] if i % 5 else None for i in range(300)]
    out["bigint"] = [2**63 - 1 - 700 * i if i % 2 else rng.randrange(-(2**63), 2**63) for i in range(300)]
    out["bigints"] = [[n, -n] for n in out["bigint"]]
    out["flag"] = [None if i % 7 == 0 else i % 3 == 0 for i in range(300)]
    return out


def labelled() -> dict[str, Any]:
    """Return scores as columns and as an array, with labels and weights; some rows say nothing of a temperature."""
    rng = np.random.default_rng(40)
    places = rng.integers(0, 3, ROWS)
    x = rng.normal(0, 2, (ROWS, 3))
    x[np.arange(ROWS), places] += 2
    rows: list[list[float | None]] = x.tolist()
    rows[0][0], rows[1][1], rows[2][2] = NAN, INF, None
    names = ["score.1", "score 2", "score`3"]
    out: dict[str, Any] = {"id": list(range(ROWS))} | {name: [row[n] for row in rows] for n, name in enumerate(names)}
    out["name"] = [None if n % 50 == 3 else names[place] for n, place in enumerate(places)]
    out["place"] = [None if n % 50 == 4 else int(place) for n, place in enumerate(places)]
    out["scores"] = [*rows[:-2], [], None]
    out["mask"] = [[True, n % 3 > 0, True][: len(row or ())] for n, row in enumerate(out["scores"])]
    return out | {"w": rng.integers(0, 4, ROWS).astype(float).tolist()}


def features() -> dict[str, Any]:
    """Return columns of every name, with nulls, NaN and infinities; integers with nulls; a constant; an id."""
    rng = np.random.default_rng(7)
    out: dict[str, Any] = {"id": list(range(ROWS))}
    for number, name in enumerate(NAMES):
        values: list[Any] = (rng.normal(3.0 * number, 1.0 + number, ROWS)).tolist()
        values[number::11] = [None] * len(values[number::11])
        values[number + 1 :: 37] = [NAN] * len(values[number + 1 :: 37])
        values[number + 2 : number + 5] = [INF, -INF, -INF]
        out[name] = values
    out["whole"] = [None if i % 9 == 4 else int(i * i) for i in range(ROWS)]
    out["constant"] = [2.5] * ROWS
    return out


#: The rows of the table in semantics.md and their softmax, None for a row that is null. Written down, not computed.
SOFTMAX = (
    ([2.0, 1.0, 0.1], [0.6590011388859679, 0.24243297070471392, 0.09856589040931818]),
    ([1000.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
    ([-INF, 0.0], [0.0, 1.0]),
    ([INF, 0.0], [1.0, 0.0]),
    ([INF, INF, 0.0], [0.5, 0.5, 0.0]),
    ([-INF, -INF], [None, None]),
    ([1.0, NAN], [NAN, NAN]),
    ([1.0, None], [None, None]),
    ([], []),
    (None, None),
    ([1e308, -1e308], [1.0, 0.0]),
    ([1e9, 1e9 + 1.0], [0.2689414213699951, 0.7310585786300049]),
    ([7.5], [1.0]),
)


def rows() -> dict[str, Any]:
    """Return three score columns that hold every triple of edges, an array column of many lengths, and its mask."""
    values = (None, NAN, INF, -INF, 0.0, -1.5, 1e308)
    triples = list(itertools.product(values, repeat=3))
    arrays: list[Any] = [row for row, _ in SOFTMAX]
    arrays += [list(triple[: number % 4]) for number, triple in enumerate(triples[len(arrays) :])]
    scores = {name: [triple[j] for triple in triples] for j, name in enumerate(("score.1", "score 2", "score`3"))}
    masks = [None if row is None or n % 5 == 0 else [(None, True, False, True)[(n + i) % 4] for i in range(len(row))]
             for n, row in enumerate(arrays)]  # fmt: skip
    return {"id": list(range(len(triples))), **scores, "scores \U0001f3af": arrays, "mask": masks}


def wide() -> dict[str, Any]:
    """120 scores a row: more than one expression within another that Spark Connect takes."""
    rng = np.random.default_rng(11)
    scores = rng.normal(size=(40, 120)) * 5
    scores[1, 7], scores[2, 3], scores[3, 119], scores[4] = math.nan, math.inf, -math.inf, -math.inf
    null = rng.random(scores.shape) < np.where(np.arange(40) < 20, 0.0, 0.01)[:, np.newaxis]
    null[5] = True
    columns = {f"s{k}": [None if gone else float(x) for x, gone in zip(*both, strict=True)]
               for k, both in enumerate(zip(scores.T, null.T, strict=True))}  # fmt: skip
    return {"id": list(range(40)), **columns}


def shapes() -> dict[str, list[Any]]:
    """Columns for logarithms and powers: skewed, of two signs, narrow and far from zero, and near zero."""
    generator = np.random.default_rng(5)
    return {
        "id": list(range(300)),
        "skewed": generator.lognormal(0, 2, 300).tolist(),
        "sides": generator.standard_t(3, 300).tolist(),
        "narrow": (1e6 + generator.exponential(size=300)).tolist(),
        "small": [None, NAN, INF, 0.0, *(10.0 ** -generator.uniform(0, 20, 296)).tolist()],
    }


def embeddings() -> dict[str, list[Any]]:
    """Return arrays of one length, far from zero, huge, tiny and constant, arrays of many lengths, and weights."""
    x: list[Any] = (
        np.random.default_rng(29).normal(0, 1, (60, 6)) * [1, 10, 1, 1e200, 1e-300, 0] + [3, 0, 1e9, 0, 0, 7]
    ).tolist()
    x[2][1], x[3][0], x[4][1], x[5], x[6][2] = NAN, INF, None, None, None
    ragged = [None if row is None else row[: number % 4] for number, row in enumerate(x)]
    return {"id": list(range(60)), "x": x, "ragged": ragged, "w": [number % 7 / 2 for number in range(60)]}
