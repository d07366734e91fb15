"""Thresholds of drift: the defaults of each measure, changed by measure and by pattern of column names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from sparkscale.errors import ConfigError, Problem, nearest_or_all, shown
from sparkscale.monitor.measures.base import REGISTRY, Measure
from sparkscale.scalers.selectors import matcher

#: What a user says of a measure: ``{"warn": 0.1, "error": None}`` changes what it names, ``"off"`` turns both off.
Levels: TypeAlias = Mapping[str, float | None] | Literal["off"]
_LEVELS = ("warn", "error")
_OFF: Mapping[str, None] = dict.fromkeys(_LEVELS)


@dataclass(frozen=True)
class Limits:
    """When a measure is a warning or an error.

    Attributes:
        thresholds: by measure, what differs from its defaults.
        columns: by name or pattern of columns, the same for these alone; the last pattern that matches counts.
        min_rows: with fewer rows (of measures of values: with fewer finite values) on either side, a feature is
            measured and not judged.
    """

    thresholds: Mapping[str, Levels] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Levels]] = field(default_factory=dict)
    min_rows: int = 100

    def __post_init__(self) -> None:
        """Raise :class:`ConfigError` with everything that is wrong."""
        problems = list(_wrong("thresholds", self.thresholds))
        for pattern, levels in self.columns.items():
            problems += [*wrong_pattern(f"columns[{pattern!r}]", pattern), *_wrong(f"columns[{pattern!r}]", levels)]
        if type(self.min_rows) is not int or self.min_rows < 0:
            cause = f"min_rows: expected a whole number from 0 on, found {shown(self.min_rows)}"
            problems.append(Problem("CONFIG_VALUE", cause))
        if problems:
            raise ConfigError.of(problems)

    def of(self, measure: Measure, feature: str) -> tuple[float | None, float | None]:
        """Return the thresholds of a measure for a feature: of a warning and of an error; None if it is off."""
        if not self._matchers and measure.name not in self.thresholds:
            return measure.warn, measure.error
        known: dict[str, float | None] = {"warn": measure.warn, "error": measure.error}
        for levels in (self.thresholds, *(levels for matches, levels in self._matchers if matches(feature))):
            changed = levels.get(measure.name, {})
            known |= _OFF if changed == "off" else changed
        return known["warn"], known["error"]

    @cached_property
    def _matchers(self) -> list[tuple[Callable[[str], bool], Mapping[str, Levels]]]:
        return [(matcher(pattern), levels) for pattern, levels in self.columns.items()]


def wrong_pattern(place: str, pattern: str) -> Iterator[Problem]:
    """Yield what is wrong with a name or pattern of columns."""
    try:
        matcher(pattern)
    except re.error as error:
        yield Problem("CONFIG_VALUE", f"{place}: expected a regular expression between slashes", str(error))


def _wrong(place: str, thresholds: Any) -> Iterator[Problem]:
    """Yield what is wrong with thresholds by measure."""
    if not isinstance(thresholds, Mapping):
        yield Problem("CONFIG_VALUE", f"{place}: expected thresholds by measure, found {shown(thresholds)}")
        return
    for name, levels in thresholds.items():
        if name not in REGISTRY:
            yield Problem("CONFIG_KEY", f"{place}: unknown measure {name!r:.80}", nearest_or_all(str(name), REGISTRY))
        elif levels != "off" and not isinstance(levels, Mapping):
            hint = "write {warn: 0.1, error: 0.2}, or off"
            yield Problem("CONFIG_VALUE", f"{place}.{name}: expected warn and error, found {shown(levels)}", hint)
        elif levels != "off":
            yield from _wrong_levels(f"{place}.{name}", levels)


def _wrong_levels(place: str, levels: Mapping[str, Any]) -> Iterator[Problem]:
    for level, number in levels.items():
        if level not in _LEVELS:
            yield Problem("CONFIG_KEY", f"{place}: unknown key {level!r:.80}", nearest_or_all(str(level), _LEVELS))
        elif number is not None and (type(number) not in (int, float) or not 0 <= number < float("inf")):
            cause = f"{place}.{level}: expected a number from 0 on, found {shown(number)}"
            yield Problem("CONFIG_VALUE", cause)
