"""Looking again: the rounds in which scalers ask for statistics of their columns behind maps, and are answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from sparkscale.errors import DataError, Problem
from sparkscale.maps import ColumnMap, RowMap
from sparkscale.scalers.learning import Ask, Learning, LossAsk, RowLearning
from sparkscale.stats.calibration import Calibration
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.losses import Losses

Key = TypeVar("Key")


@dataclass(frozen=True)
class Look:
    """What a scaler has seen: the statistics of a feature as a map leaves it."""

    feature: str
    map: ColumnMap
    stats: ColumnStats


#: Answers what scalers ask of features, in order, by one look at the data.
Answer: TypeAlias = Callable[[Sequence[tuple[str, Ask]]], Sequence[ColumnStats]]

#: Answers what row steps ask of their labelled rows, each by its number from 1.
RowAnswer: TypeAlias = Callable[[Sequence[tuple[int, LossAsk]]], Sequence[Losses]]


def rounds(learnings: Mapping[Key, tuple[str, Learning]], answer: Answer) -> tuple[dict[Key, ColumnMap], list[Look]]:
    """Run the learnings of features side by side, one look at the data a round; return their maps, and what they saw.

    Raises one :class:`DataError` with the problems of all of them.
    """
    maps: dict[Key, ColumnMap] = {}
    problems: list[Problem] = []
    looks: list[Look] = []
    said: dict[Key, Sequence[ColumnStats] | None] = dict.fromkeys(learnings)
    while said:
        asked = {key: asks for key in said if (asks := _next(key, learnings[key], said[key], maps, problems))}
        questions = [(learnings[key][0], ask) for key, asks in asked.items() for ask in asks]
        answers = list(answer(questions)) if questions else []
        looks += [Look(name, ask.map, stats) for (name, ask), stats in zip(questions, answers, strict=True) if ask.keep]
        said = {key: [answers.pop(0) for _ in asks] for key, asks in asked.items()}
    if problems:
        raise DataError.of(list(dict.fromkeys(problems)))
    return maps, looks


def _next(
    key: Key,
    named: tuple[str, Learning],
    said: Sequence[ColumnStats] | None,
    maps: dict[Key, ColumnMap],
    problems: list[Problem],
) -> Sequence[Ask]:
    """Return what a learning asks for next; nothing where it has ended, with a map or with problems."""
    feature, learning = named
    try:
        return next(learning) if said is None else learning.send(said)
    except StopIteration as end:
        maps[key] = end.value
    except DataError as error:
        problems += [Problem(one.code, f"column {feature!r}: {one.cause}", one.hint) for one in error.problems]
    return ()


def row_rounds(learnings: Mapping[int, RowLearning], answer: RowAnswer) -> dict[int, tuple[RowMap, Calibration | None]]:
    """Run the learnings of row steps side by side, by their numbers; return their maps, and what they have found.

    Raises one :class:`DataError` with the problems of all of them.
    """
    found: dict[int, tuple[RowMap, Calibration | None]] = {}
    problems: list[Problem] = []
    said: dict[int, Losses | None] = dict.fromkeys(learnings)
    while said:
        asked: list[tuple[int, LossAsk]] = []
        for number, losses in said.items():
            try:
                learning = learnings[number]
                asked.append((number, next(learning) if losses is None else learning.send(losses)))
            except StopIteration as end:
                found[number] = end.value
            except DataError as error:
                problems += [Problem(one.code, f"step {number}: {one.cause}", one.hint) for one in error.problems]
        answers = answer(asked) if asked else ()
        said = {number: losses for (number, _), losses in zip(asked, answers, strict=True)}
    if problems:
        raise DataError.of(problems)
    return found
