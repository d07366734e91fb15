"""What is wrong with a job file, in words: the place of every problem, and what a key is called now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.conftest import problems


def test_name_the_place_of_every_problem(job: Any) -> None:
    found = problems(job, more="self_check: no\nname: 3\n", environ={"SPARKSCALE__ENGINE": "fast"},
                     overrides=["output.mode=replace", "steps.0.clip=1"])  # fmt: skip
    places = {text.partition(" expected")[0] for text in found}
    assert places == {
        "job.yaml:9: self_check:",
        "job.yaml:10: name:",
        "SPARKSCALE__ENGINE: engine:",
        "--set output.mode:",
        "--set steps.0.clip:",
    }


@pytest.mark.parametrize(("old", "new"), [("verify: 10", "self_check")])
def test_name_what_a_key_is_called_now(job: Any, old: str, new: str) -> None:
    key = old.partition(":")[0]
    assert problems(job, more=f"{old}\n") == [f"job.yaml:9: {key}: unknown key {key!r}; it is now {new!r}"]
