"""The registry of exports: an export registers by being defined in a file of this folder."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from sparkscale import export as package
from sparkscale.errors import UnfitEnvironmentError, UsageError, nearest
from sparkscale.pipeline.fitted import Fitted

REGISTRY: dict[str, type[Export]] = {}


class Export(ABC):
    """A form in which another program applies a fitted pipeline.

    A subclass names itself and the extra of sparkscale that brings its library; its fields are its options::

        @dataclass(frozen=True)
        class Sql(Export, name="sql", extra="sql"):
            dialect: str

            def export(self, fitted: Fitted) -> str: ...
    """

    name: ClassVar[str]
    extra: ClassVar[str | None]

    def __init_subclass__(cls, *, name: str, extra: str | None = None, **rest: Any) -> None:
        """Register the export under its name."""
        super().__init_subclass__(**rest)
        if name in REGISTRY:
            raise TypeError(
                f"export {name!r} is defined twice, by {REGISTRY[name].__qualname__} and {cls.__qualname__}"
            )
        cls.name, cls.extra = name, extra
        REGISTRY[name] = cls

    @abstractmethod
    def export(self, fitted: Fitted) -> Any:
        """Return the pipeline in this form.

        The result gives the same numbers as ``fitted.transform_arrays``. Raises
        :class:`~sparkscale.errors.DataError` (65) naming every step that this form cannot express.
        """


def names() -> list[str]:
    """Return the names of all exports."""
    _discover()
    return sorted(REGISTRY)


def export(fitted: Fitted, name: str, **options: Any) -> Any:
    """Return a fitted pipeline in the form of that name; ``options`` are the fields of the export.

    Raises:
        UsageError: there is no export of that name (64).
        UnfitEnvironmentError: the library that it needs is not installed (69).
    """
    known = names()
    if name not in REGISTRY:
        hint = nearest(name, known) or f"the exports are {', '.join(known)}"
        raise UsageError("USAGE_EXPORT", f"export: expected the name of an export, found {name!r}", hint)
    kind = REGISTRY[name]
    try:
        return kind(**options).export(fitted)
    except ModuleNotFoundError as error:
        if kind.extra is None:
            raise
        cause = f"export {name!r} needs the package {error.name}, which is not installed"
        raise UnfitEnvironmentError("ENV_PACKAGE", cause, f"pip install 'sparkscale[{kind.extra}]'") from error


def _discover() -> None:
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)
