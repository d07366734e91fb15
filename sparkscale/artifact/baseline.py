"""The artifact that drift is measured from."""

from __future__ import annotations

from dataclasses import dataclass

from sparkscale.artifact import store
from sparkscale.pipeline.fitted import Fitted


@dataclass(frozen=True)
class Baseline:
    """An artifact, its place, and its version unless it is a single file."""

    fitted: Fitted
    path: str
    version: int | None

    @classmethod
    def at(cls, path: str, version: store.Which = None) -> Baseline:
        """Load a version from a folder of versions, or one ``.json`` file.

        Raises:
            InputMissingError: (66) if it doesn't exist, DataError: (65) if it is not an artifact.
        """
        number = store.locate(path, version)
        return cls(store.load(path, number), path, number)

    def to_dict(self) -> dict[str, object]:
        """Return path and version as JSON values."""
        return {"path": self.path, "version": self.version}

    def __str__(self) -> str:
        """Return path and version in words."""
        return self.path if self.version is None else f"{self.path} version {self.version}"
