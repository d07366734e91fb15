"""Where the columns of a result differ from those of the table that it is added to."""

from __future__ import annotations

from collections.abc import Mapping

from sparkscale.errors import Problem, nearest
from sparkscale.pipeline.choosing import GUESSES


def differences(
    types: Mapping[str, str], there: Mapping[str, str], partition_by: tuple[str, ...], place: str
) -> list[Problem]:
    """Return where the columns of a result are not those of the table that it is added to.

    The types of ``partition_by`` are left out: in plain files they are the names of folders, which have none.
    """
    if not there:
        return []
    found: list[Problem] = []
    for name in [name for name in types if name not in there]:
        hint = nearest(name, there) if len(found) < GUESSES else ""
        found.append(Problem("SCHEMA_TARGET", f"{place} has no column {name!r}", hint))
    for name in [name for name in there if name not in types]:
        cause = f"column {name!r} of {place} is not in the result"
        found.append(Problem("SCHEMA_TARGET", cause, "add it, or set output.mode: overwrite"))
    for name in types.keys() & there.keys() - set(partition_by):
        if there[name] not in ("", types[name]):
            cause = f"column {name!r} of {place}: expected {there[name]}, the result has {types[name]}"
            hint = "cast it (a partition of the input by input.partitions), or set output.mode: overwrite"
            found.append(Problem("SCHEMA_TARGET", cause, hint))
    return sorted(found, key=str)
