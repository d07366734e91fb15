"""Where the columns of a result differ from those of the table that it is added to."""

from __future__ import annotations

from collections.abc import Mapping

from sparkscale.errors import Problem, nearest


def differences(
    types: Mapping[str, str], there: Mapping[str, str], partition_by: tuple[str, ...], place: str
) -> list[Problem]:
    """Return where the columns of a result are not those of the table that it is added to.

    The types of ``partition_by`` are left out: in plain files they are the names of folders, which have none.
    """
    if not there:
        return []
    more = types.keys() - there.keys()
    found = [Problem("SCHEMA_TARGET", f"{place} has no column {name!r}", nearest(name, there)) for name in more]
    for name in there.keys() - types.keys():
        cause = f"column {name!r} of {place} is not in the result"
        found.append(Problem("SCHEMA_TARGET", cause, "add it, or take mode: overwrite"))
    for name in types.keys() & there.keys() - set(partition_by):
        if there[name] not in ("", types[name]):
            cause = f"column {name!r} of {place}: expected {there[name]}, the result has {types[name]}"
            hint = "cast it (a partition of the input by input.partitions), or take mode: overwrite"
            found.append(Problem("SCHEMA_TARGET", cause, hint))
    return sorted(found, key=str)
