"""Scalers one after another over the same column."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from typing import Annotated, Any

import numpy as np

from sparkscale.errors import DataError
from sparkscale.maps import Chained, ColumnMap, Undefined
from sparkscale.scalers.base import REGISTRY, SHARED, Scaler, Step, table_of
from sparkscale.scalers.fields import Kind, plain_of
from sparkscale.scalers.kinds import class_of, described
from sparkscale.scalers.learning import Ask, Learning
from sparkscale.scalers.mismatch import At, FieldError, Mismatch
from sparkscale.stats.column import ColumnStats

_OF_THE_CHAIN = "{!r} belongs to the chain, not to a stage"
_EXPECTED = "expected stages such as [{kind: impute}, {kind: standard}]"


class Stages(Kind):
    """Column scalers without columns, each a mapping or a scaler."""

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`; returns a tuple of scalers."""
        plain = plain_of(value)
        if not isinstance(plain, list | tuple) or not plain:
            wrong.append(Mismatch(at, _EXPECTED, plain))
            return plain
        return tuple(_stage(item, (*at, number), wrong) for number, item in enumerate(plain))

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        stages = [described(cls, table_of(cls).without(*SHARED)) for cls in _kinds().values()]
        return {"type": "array", "items": {"oneOf": stages}, "minItems": 1}


def _kinds() -> dict[str, type[Step]]:
    """Return what can be a stage: every scaler of columns, but no chain."""
    return {kind: cls for kind, cls in sorted(REGISTRY.items()) if issubclass(cls, Scaler) and cls is not Chain}


def _stage(value: Any, at: At, wrong: list[Mismatch]) -> Any:
    """Return one stage; note what is wrong with it at its place."""
    if isinstance(value, Step):
        wrong += [Mismatch((*at, *rest.at), rest.cause, rest.found, rest.hint) for rest in _misplaced(value)]
        return value
    try:
        cls = class_of(value, _kinds())
        inner = [
            Mismatch((name,), _OF_THE_CHAIN.format(name), hint="set it there", code="CONFIG_KEY")
            for name in SHARED
            if name in value
        ]
        plain = {key: held for key, held in value.items() if key not in SHARED}
        values = table_of(cls).without(*SHARED).read(plain, (), inner)
        if inner:
            raise FieldError(inner)  # noqa: TRY301 - noted below, as what the class itself finds
        return cls(**{name: held for name, held in values.items() if name != "kind"})
    except FieldError as error:
        wrong += [Mismatch((*at, *one.at), one.cause, one.found, one.hint, one.code) for one in error.mismatches]
    return value


def _misplaced(stage: Step) -> Iterator[Mismatch]:
    """Yield what makes a step unfit for a stage."""
    if type(stage).kind not in _kinds():
        hint = f"the kinds are {', '.join(_kinds())}"
        yield Mismatch((), f"unknown kind of stage {type(stage).kind!r}", hint=hint)
        return
    plain = type(stage)(**{name: value for name, value in vars(stage).items() if name not in SHARED})
    for name in SHARED:
        if getattr(stage, name) != getattr(plain, name):
            yield Mismatch((name,), _OF_THE_CHAIN.format(name), hint="set it there")


class Chain(Scaler, kind="chain"):
    """``stage_n(... stage_1(x))``: column scalers in order, over the same column.

    Each stage learns from the column as the stages before it leave it. Where that follows from what is known (behind
    an imputing, or an affine map) it costs no scan; else the fit looks again, once for all chains. The inverse runs
    backwards. In a job file, the key ``chain`` says the kind.

    Attributes:
        chain: the stages: column scalers without ``columns``, ``into``, ``dtype``, ``nonfinite`` and ``empty``.

    >>> from sparkscale import Impute, Standard
    >>> Chain("x", [Impute(value=0), Standard()])
    Chain(('x',), chain=(Impute(value=0.0), Standard()))
    """

    formula = "stage_n(... stage_1(x))"

    chain: Annotated[Sequence[Scaler], Stages()] = field(default=(), kw_only=False, metadata={"required": True})

    @property
    def stages(self) -> tuple[Scaler, ...]:
        """The stages in order."""
        return tuple(self.chain)

    @property
    def needs_quantiles(self) -> bool:  # type: ignore[override]  # of other scalers a constant
        """Whether the first stage needs them, or one behind stages whose outcome is foreseen."""
        return _want_quantiles(self.stages)

    @property
    def sketches(self) -> bool:
        """Whether any stage needs a quantile sketch."""
        return any(stage.sketches for stage in self.stages)

    @property
    def needs_values(self) -> bool:
        """Whether the first stage has no map for a column without a finite value."""
        return self.stages[0].needs_values

    @property
    def looks(self) -> int:
        """How often the stages look again, and the chain behind those whose outcome is not foreseen."""
        count, known = 0, True
        for stage in self.stages:
            count += stage.looks + (stage.needs_stats and not known)
            known = (known or stage.needs_stats) and _foreseen(stage)
        return count

    def extra_outputs(self, column: str) -> tuple[str, ...]:
        """Return what the stages write beside their output."""
        return tuple(name for stage in self.stages for name in stage.extra_outputs(column))

    def extra_maps(self, map_: ColumnMap) -> tuple[ColumnMap, ...]:
        """Return the maps of the stages' extra outputs, each behind the stages before it."""
        if isinstance(map_, Undefined):
            return tuple(one for stage in self.stages for one in stage.extra_maps(map_))
        before, rest = list[ColumnMap](), list(_parts(map_))
        extra: list[ColumnMap] = []
        for stage in self.stages:
            count = 1 if isinstance(rest[0], Undefined) else stage.parts
            own, rest = rest[:count], rest[count:]
            extra += [Chained.of([*before, one]) for one in stage.extra_maps(Chained.of(own))]
            before += own
        return tuple(extra)

    def learn(self, stats: ColumnStats) -> Learning:
        """Let each stage learn from the column as the stages before it leave it."""
        maps: list[ColumnMap] = []
        known: ColumnStats | None = stats
        for number, stage in enumerate(self.stages, 1):
            if known is None and stage.needs_stats:
                (known,) = yield [Ask(Chained.of(maps), _want_quantiles(self.stages[number - 1 :]))]
            map_ = yield from self._next(number, stage, known, maps)
            maps += _parts(map_)
            known = None if known is None else map_.after(known)
        return Chained.of(maps)

    def _next(self, number: int, stage: Scaler, known: ColumnStats | None, maps: Sequence[ColumnMap]) -> Learning:
        """Return the map of a stage; what it asks for is asked behind the stages before it."""
        if known is not None and not known.finite and stage.needs_values:
            if self.empty == "null":
                return Undefined()
            cause = f"expected a finite value for stage {number} ({stage.kind}), found none behind the stages before it"
            raise DataError("DATA_EMPTY", cause, "leave the column out, or set empty: null")
        learning = stage.learn(known if known is not None else ColumnStats())
        try:
            asks = next(learning)
            while True:
                behind = yield [replace(ask, map=Chained.of([*maps, *_parts(ask.map)])) for ask in asks]
                asks = learning.send(behind)
        except StopIteration as end:
            found: ColumnMap = end.value
            return found


def _parts(map_: ColumnMap) -> Sequence[ColumnMap]:
    return map_.maps if isinstance(map_, Chained) else (map_,)


def _want_quantiles(stages: Sequence[Scaler]) -> bool:
    """Whether one look before these stages has to sketch: for the first, or for one behind foreseen ones."""
    for stage in stages:
        if stage.needs_quantiles:
            return True
        if not _foreseen(stage):
            return False
    return False


def _foreseen(stage: Scaler) -> bool:
    """Whether the statistics behind a stage follow from those before it; see :meth:`ColumnMap.after`."""
    return not stage.looks and stage.solve(_some()).after(_some()) is not None


@functools.cache
def _some() -> ColumnStats:
    """Return statistics that no limits hold, to see the form of a map, which does not depend on the numbers."""
    return ColumnStats.of([0.5, 1.0, np.inf, -np.inf], quantiles=True)
