"""What every registered scaler keeps: `test_contract.py` checks all of them, `test_extension.py` a new one."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.config import jobfile
from sparkscale.config.models import json_schema
from sparkscale.errors import ConfigError, DataError
from sparkscale.scalers.base import RowStep, Scaler, Step
from sparkscale.scalers.kinds import from_dict
from tests.samples import NEEDED, UNMERGED

NAN, INF = math.nan, math.inf
#: What the fields of any step are tried with: a value is wrong in Python where it is wrong in a job file.
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 101, 10**30, 10**400, 0.5, 1.0, -0.0, 1e308, NAN, INF, -INF,
    "", " ", "x", "1", "true", "{column}", "maxx", "/(/", "/x$/", "keeep", "float16", "l3",
    [], [None], [0], [0, 1], [1, 0], [0, 0], [0, 1, 2], ["0", "1"], [False, True], [0, INF], [NAN, "x"], [-1, 50], [5, 95],
    ["x"], ["x", ""], ["x", 5], ["/[/", None], [[]], [["x"]], [{}], "x" * 100, ["x" * 60] * 2,
    {}, {"dtype": "numeric"}, {"dtype": "text"}, {"dtype": None}, {"dtyp": "integer"}, {"dtype": "numeric", "but": ["x"]},
    {"except": ["x"]}, {"except": "year"}, {"except": [5, "/(/", ""]}, {"except": None}, {"1": 2}, [{"dtype": "decimal"}],
    ["x", {"dtype": "x", "y": 1}],
]  # fmt: skip
_PLACE = re.compile(r"job\.yaml:\d+: steps\[(\d+)\](?:\.|: )(.*)")


def keys_of(cls: type[Step]) -> list[str]:
    return [item.name for item in dataclasses.fields(cls)]


def check_formula(cls: type[Step], folder: Path) -> None:
    """It says what it computes, in its own words and in its docstring."""
    assert "x" in cls.formula
    assert f"``{cls.formula}``" in (cls.__doc__ or "").partition("\n\n")[0]
    assert "formula" in vars(cls)


def check_round_trip(cls: type[Step], folder: Path) -> None:
    """Its JSON values make the same step."""
    needed = NEEDED.get(cls.kind, {})
    step = cls(["a", "b_*", {"dtype": "numeric", "except": ["c"]}], into="{column}_s", dtype="float32", **needed)
    data = json.loads(json.dumps(step.to_dict()))
    assert data == {"kind": cls.kind, **{key: data[key] for key in keys_of(cls)}}
    assert from_dict(data) == step
    assert step.selectors == ("a", "b_*", {"dtype": "numeric", "except": ["c"]})


def check_schema(cls: type[Step], folder: Path) -> None:
    """Editors know its kind, its keys and their defaults."""
    schema = json_schema()
    steps = schema["properties"]["steps"]["items"]
    place = steps["discriminator"]["mapping"][cls.kind]
    assert {"$ref": place} in steps["oneOf"]
    own = schema["$defs"][place.removeprefix("#/$defs/")]
    assert (own["properties"]["kind"], own["additionalProperties"]) == ({"const": cls.kind}, False)
    assert own["required"] == ["columns", "chain"] if cls.kind == "chain" else ["kind", "columns"]
    defaults = {key: part["default"] for key, part in own["properties"].items() if "default" in part}
    needed = NEEDED.get(cls.kind, {})
    default = cls("x", **needed).to_dict()
    assert all(default[key] == defaults.get(key) for key in keys_of(cls) if key not in {"columns", *needed})


def check_same_errors(cls: type[Step], folder: Path) -> None:
    """A value of a field is right in Python where it is right in a job file; where it is wrong, both say the same."""
    needed = NEEDED.get(cls.kind, {})
    for key, default in cls("x", **needed).to_dict().items():
        if key == "kind":
            continue
        values = [*VALUES, default]
        ours = [_in_python(cls, {"columns": "x", **needed, key: value}) for value in values]
        wrong = [n for n, made in enumerate(ours) if not isinstance(made, Step)]
        right = [n for n, made in enumerate(ours) if isinstance(made, Step)]
        assert wrong, key
        assert right, key
        theirs = _in_job(folder, [{"kind": cls.kind, "columns": "x", **needed, key: values[n]} for n in wrong])
        assert theirs == [ours[n] for n in wrong], key
        assert all(": " in text for made in wrong for text in ours[made]), key
        assert _in_job(folder, [{"kind": cls.kind, "columns": "x", **needed, key: values[n]} for n in right]) == [
            ours[n] for n in right
        ]


def check_unknown_key(cls: type[Step], folder: Path) -> None:
    """A key that it does not have is refused with the nearest that it has."""
    said = [["colums: unknown key 'colums'; did you mean 'columns'?"]]
    needed = NEEDED.get(cls.kind, {})
    assert _in_job(folder, [{"kind": cls.kind, "columns": "x", **needed, "colums": "x"}]) == said
    assert _in_job(folder, [{"kind": cls.kind, **needed}]) == [["columns: this key is missing; add it"]]
    (found,) = _in_job(folder, [{"kind": f"{cls.kind}x", "columns": "x"}])
    assert re.fullmatch(rf"unknown kind '{cls.kind}x'; did you mean '.*'\?", found[0])


def check_arrays(cls: type[Step], folder: Path) -> None:
    """It fits, transforms, is saved and loaded, merges and inverts, with NumPy alone."""
    data = {"a": np.array([1.0, 2.0, 6.0, NAN]), "b": np.array([3.0, -0.5, 0.5, 2.0])}
    needed = NEEDED.get(cls.kind, {})
    fitted = ss.Pipeline(
        [cls(["a", "b"], into="{column}_s", **needed), cls(["b", "a"], into="{column}_t", **needed)]
    ).fit_arrays(data)
    out = fitted.transform_arrays(data)
    assert list(out) == ["a", "b", "a_s", "b_s", "b_t", "a_t"]
    assert np.isfinite(out["a_s"][:3]).all()
    assert np.isnan(out["a_s"][3])
    fitted.save(str(folder / "stats"))
    loaded = ss.load(str(folder / "stats"))
    assert loaded == fitted
    assert repr(loaded) == repr(fitted)
    again = loaded.transform_arrays(data)
    assert all(np.array_equal(again[name], out[name], equal_nan=True) for name in out)
    parts = [
        ss.Pipeline([cls(["a", "b"], **needed)]).fit_arrays({k: v[i] for k, v in data.items()})
        for i in (slice(1), slice(1, 4))
    ]
    whole = ss.Pipeline([cls(["a", "b"], **needed)]).fit_arrays(data)
    if cls.kind in UNMERGED:
        with pytest.raises(DataError, match="fit on all the data"):
            ss.merge(parts)
    else:
        assert ss.merge(parts).maps == whole.maps
    if all(map_.lossless for maps in whole.maps for map_ in maps):
        back = whole.inverse_transform_arrays(whole.transform_arrays(data))
        np.testing.assert_allclose(back["a"], data["a"], rtol=1e-14)


def check_base(cls: type[Step], folder: Path) -> None:
    """It is a scaler of columns, or of rows."""
    assert issubclass(cls, RowStep if cls.by_row else Scaler)
    assert getattr(ss, cls.__name__) is cls


CHECKS: list[Callable[[type[Step], Path], None]] = [
    check_base, check_formula, check_round_trip, check_schema, check_same_errors, check_unknown_key, check_arrays,
]  # fmt: skip


def _in_python(cls: type[Step], fields: dict[str, Any]) -> Step | list[str]:
    """Return a step, or what is wrong with its fields."""
    try:
        return cls(**fields)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]


def _in_job(folder: Path, steps: list[dict[str, Any]]) -> list[Any]:
    """Return the steps of a job file, or for each of them what is wrong with it, less the place."""
    text = json.dumps({"version": 1, "input": {"table": "t"}, "steps": steps}, indent=1)
    text = re.sub(r"(?<![\w\"])(-?)(Infinity|NaN)\b", lambda m: f"{m[1]}.{m[2][:3].lower()}", text)
    (folder / "job.yaml").write_text(text, encoding="utf-8")
    try:
        return list(jobfile.load(str(folder / "job.yaml")).config.steps)
    except ConfigError as error:
        found: list[list[str]] = [[] for _ in steps]
        for problem in error.problems:
            at = _PLACE.fullmatch(str(problem).removeprefix(f"{folder}/"))
            assert at is not None, problem
            found[int(at[1])].append(at[2])
        return found
