"""Temperatures that are fitted: plans, artifacts, merging, transforms without labels, and a real classifier."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

import sparkscale as ss
from sparkscale.artifact import document, envelope
from sparkscale.cli import app
from sparkscale.errors import ConfigError, DataError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.plan import plan
from sparkscale.pipeline.schema import Field, Schema
from tests.samples import script

FIT = {"fit": "y"}
NAMES = ["a", "b", "c"]


def table(rows: int = 500, **more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, rows)
    x = rng.normal(0, 2, (rows, 3))
    x[np.arange(rows), label] += 2
    return {name: x[:, n] for n, name in enumerate(NAMES)} | {"y": np.array(NAMES)[label], "n": label, "v": x} | more


def fitted(
    data: dict[str, Any] | None = None, *, weight: str | None = None, columns: Any = NAMES, **fields: Any
) -> Fitted:
    step = ss.Softmax(columns, **{"temperature": FIT, "into": "p_{column}", **fields})
    return ss.Pipeline([step], weight=weight).fit_arrays(data or table())


# --- the plan ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "text"), [
    (ss.Softmax(NAMES, temperature={"fit": "z"}), "step 1 (softmax): temperature.fit: column 'z' is not in scores; "),
    (ss.Softmax(NAMES, temperature={"fit": "d"}), "expected labels that are strings or integers, which name classes, but column 'd' is double"),
    (ss.Softmax(NAMES, temperature={"fit": "t"}), "column 't' is boolean"),
    (ss.Softmax("v", temperature={"fit": "s"}), "expected labels that are integers, the places of classes in the array, but column 's' is string"),
    (ss.LogSoftmax([*NAMES, "i"], temperature={"fit": "i"}), "step 1 (log_softmax): expected labels beside the scores, but column 'i' is one of the scores"),
])  # fmt: skip
def test_refuse_labels(step: Any, text: str) -> None:
    schema = Schema((
        *(Field(name, "double") for name in NAMES), Field("v", "array<float>"), Field("i", "int"), Field("s", "string"),
        Field("d", "double"), Field("t", "boolean"),
    ))  # fmt: skip
    with pytest.raises(DataError) as caught:
        plan([step], schema, "scores")
    assert text in str(caught.value)
    assert caught.value.exit_code == 65


def test_never_choose_the_label_by_a_pattern() -> None:
    data = {name: table()[name] for name in (*NAMES, "n")}
    found = fitted(data, columns="*", temperature={"fit": "n"})
    assert found.get_feature_names_out() == ["p_a", "p_b", "p_c"]
    with pytest.raises(DataError, match="never chooses the label 'n'"):
        fitted({"n": data["n"]}, columns="x_*", temperature={"fit": "n"})


def test_need_a_fit() -> None:
    with pytest.raises(ConfigError, match="expected a temperature, found one that is to be fitted to 'y'"):
        ss.Softmax(NAMES, temperature=FIT).solve_row()


# --- labels -----------------------------------------------------------------------------------------------------------


def test_learn_the_same_from_labels_of_any_kind() -> None:
    data = table()
    same = fitted(data).calibrations[1]
    names = data["y"].tolist()
    for labels in (
        data["n"], data["n"].astype("u1"), names, np.array(names, dtype=object), pd.Series(names, dtype="category"),
        pd.array(data["n"], dtype="Int64"), data["n"].astype(object),
    ):  # fmt: skip
        assert fitted(data | {"y": labels}).calibrations[1] == same
    over_array = fitted(data | {"y": data["n"]}, columns="v").calibrations[1]
    assert over_array == same
    lists = np.empty(500, dtype=object)
    lists[:] = data["v"].tolist()
    assert fitted(data | {"y": data["n"], "v": lists}, columns="v").calibrations[1] == same


def test_leave_out_null_labels_and_bad_scores() -> None:
    data = table()
    labels = data["y"].tolist()
    labels[:4] = [None] * 4
    a = np.ma.MaskedArray(data["a"].copy(), mask=np.arange(500) == 5)
    a[6], a[7] = np.nan, np.inf
    found = fitted(data | {"y": labels, "a": a}).calibrations[1]
    rest = {name: column[[4, *range(8, 500)]] for name, column in data.items()}
    assert found.temperature == fitted(rest).calibrations[1].temperature
    rows = found.rows
    assert (rows.rows, rows.unlabelled, rows.nulls, rows.nonfinite) == (500, 4, 1, 2)
    masked = pd.array([None, *data["n"][1:].tolist()], dtype="Int64")
    assert fitted(data | {"y": masked}).calibrations[1].rows.unlabelled == 1
    with pytest.raises(DataError, match=r"nonfinite: error\), found NaN or an infinity in 2 of 500 rows"):
        fitted(data | {"y": labels, "a": a}, nonfinite="error")


def test_say_which_labels_name_no_class() -> None:
    data = table()
    labels = data["y"].tolist()
    labels[:3], labels[9] = ["d"] * 3, "?"
    with pytest.raises(DataError, match=r"found 4 of 500 rows with others, such as 'd', '\?'") as caught:
        fitted(data | {"y": labels})
    assert (caught.value.code, caught.value.exit_code) == ("DATA_LABEL", 65)
    for columns in (NAMES, "v"):
        with pytest.raises(DataError, match=r"found 2 of 500 rows with others, such as '-1', '3'"):
            fitted(data | {"y": np.concatenate([[-1, 3], data["n"][2:]])}, columns=columns)
    with pytest.raises(DataError, match=r"DATA_NO_ROWS|expected rows"):
        fitted({name: column[:0] for name, column in data.items()})


def test_respect_a_mask() -> None:
    data = table() | {"y": table()["n"]}
    mask = np.random.default_rng(1).random((500, 3)) < 0.7
    found = fitted(data | {"m": mask}, columns="v", mask="m").calibrations[1]
    lists = np.empty(500, dtype=object)
    lists[:] = [
        [x if m else None for x, m in zip(*row, strict=True)] for row in zip(data["v"].tolist(), mask, strict=True)
    ]
    without = fitted(data | {"v": lists}, columns="v", nulls="mask").calibrations[1]
    assert found == without
    assert found.rows.nulls == 500 - mask[np.arange(500), data["n"]].sum() > 0


def test_weigh_the_rows() -> None:
    data = table()
    weight = np.random.default_rng(2).integers(0, 3, 500)
    once = fitted(data | {"w": weight}, weight="w")
    twice = fitted({name: np.repeat(column, weight, axis=0) for name, column in data.items()})
    assert once.calibrations[1].temperature == pytest.approx(twice.calibrations[1].temperature, rel=1e-11)
    assert once.rows == once.calibrations[1].rows.rows == np.count_nonzero(weight)
    huge = fitted(data | {"w": weight * 1e300}, weight="w")
    assert huge.calibrations[1].temperature == pytest.approx(once.calibrations[1].temperature, rel=1e-11)
    far = fitted(data | {"w": np.where(np.arange(500) < 2, 1e-300, 1e300)}, weight="w")
    assert document.load(document.dump(far)).rows == 500
    with pytest.raises(DataError, match="1 negative in 500 rows"):
        fitted(data | {"w": np.r_[-1, weight[1:]]}, weight="w")


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_transform_without_labels(tmp_path: Path) -> None:
    data = table()
    fitted(data).save(tmp_path)
    loaded = ss.load(tmp_path)
    assert loaded == fitted(data)
    assert loaded.rows == 500
    out = loaded.transform_arrays({name: data[name] for name in NAMES})
    wanted = softmax(data["v"] / loaded.calibrations[1].temperature, axis=1)
    np.testing.assert_allclose(np.column_stack([out[f"p_{name}"] for name in NAMES]), wanted, rtol=1e-13)


def test_show_the_calibration(tmp_path: Path) -> None:
    found = fitted()
    found.save(tmp_path)
    shown = CliRunner().invoke(app.app, ["inspect", str(tmp_path)])
    assert shown.exit_code == 0
    assert f"step 1 (softmax): {found.calibrations[1].summary}" in shown.output
    assert "NLL" in found.calibrations[1].summary
    as_json = json.loads(CliRunner().invoke(app.app, ["inspect", str(tmp_path), "--json"]).stdout)
    assert as_json["steps"][0]["calibration"] == found.calibrations[1].to_dict()


def test_warn_of_a_bound() -> None:
    data = table()
    sure = fitted(data | {name: (data["y"] == name) * 1.0 for name in NAMES})
    (warning,) = sure.warnings
    assert warning.startswith("step 1 (softmax): the temperature is the lower bound, 6.10352e-05")
    assert fitted(data).warnings == []


def test_refuse_to_merge() -> None:
    data = table()
    part = fitted(data)
    assert ss.merge([part]) == part
    with pytest.raises(
        DataError, match="fitted to label 'y'; it cannot be merged exactly: fit it on the whole"
    ) as caught:
        ss.merge([part, part])
    assert caught.value.code == "MERGE_LOOKS"


@pytest.mark.parametrize("change", [
    lambda one: one.pop("calibration"),
    lambda one: one.update(calibration=None),
    lambda one: one["calibration"].update(temperature=2.0),
    lambda one: one["calibration"].update(label="x"),
    lambda one: one["calibration"].update(nll_after=-1.0),
    lambda one: one["calibration"].update(nll_after="1"),
    lambda one: one["calibration"].update(bound="middle"),
    lambda one: one["calibration"].update(more=1),
    lambda one: one["calibration"]["rows"].update(rows=499),
    lambda one: one["calibration"]["rows"].update(nulls=-1),
    lambda one: one["calibration"]["rows"].update(nulls=10**30),
    lambda one: one["calibration"]["rows"].update(nulls=True),
    lambda one: one["calibration"]["rows"].pop("nulls"),
    lambda one: one["maps"][0].update(temperature=2.0),
    lambda one: one["step"].update(temperature=2.0),
    lambda one: one["step"].update(temperature={"fit": "z"}),
])  # fmt: skip
def test_refuse_artifacts_that_cannot_be(change: Any) -> None:
    made = json.loads(document.dump(fitted()))
    change(made["steps"][0])
    made.pop("checksum")
    made["checksum"] = envelope.checksum(made)
    with pytest.raises(DataError) as caught:
        document.load(json.dumps(made).encode())
    assert caught.value.code == "ARTIFACT_INVALID"


def test_keep_the_label_out_of_the_plan_of_a_transform() -> None:
    loaded = document.load(document.dump(fitted()))
    assert [column.name for column in loaded.steps[0].inputs] == NAMES
    assert dataclasses.replace(loaded) == loaded


# --- a real classifier ------------------------------------------------------------------------------------------------


def test_calibrate_a_classifier_of_digits() -> None:
    """Half of the digits that it has not seen calibrate it, the other half judges."""
    label, x, _ = script("sample_data")._classify()
    step = ss.Softmax("v", temperature={"fit": "y"})
    half = {"v": x[::2], "y": label[::2]}
    found = ss.Pipeline([step]).fit_arrays(half).calibrations[1]

    def nll(t: float, part: slice) -> float:
        return float(-log_softmax(x[part] / t, axis=1)[np.arange(len(x[part])), label[part]].mean())

    wanted = minimize_scalar(lambda log_t: nll(np.exp(log_t), slice(0, None, 2)), bracket=[0.0, 1.0]).x
    assert found.temperature == pytest.approx(float(np.exp(wanted)), rel=1e-6)
    assert found.nll_after == pytest.approx(nll(found.temperature, slice(0, None, 2)), rel=1e-12)
    assert nll(found.temperature, slice(1, None, 2)) < nll(1.0, slice(1, None, 2)) + 0.01
    assert 0 < found.ece_after < 0.05
