"""Commands that look at what a job has published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparkscale.cli.app import load, reads_job, section
from sparkscale.cli.printing import answer, print_json
from sparkscale.errors import UsageError

if TYPE_CHECKING:
    from sparkscale.config.data import Output
    from sparkscale.config.jobfile import Job

command = section("Outputs")
_TABLES = "other outputs have no manifest: use their own tools"


@command()
@reads_job
def verify(config: str, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    """Compare the output's files with its manifest: sizes and checksums."""
    from sparkscale.publish import files
    from sparkscale.report.words import counted

    job, output = _with_output(config, **chosen)
    place = _folder(job, output, debug=debug)
    if place is None:
        raise UsageError("USAGE_VERIFY", f"verify: expected plain files on this machine, found {output.name}", _TABLES)
    known = files.verify(place)
    size = sum(file["size"] for file in known.files.values())
    count = f"{counted(len(known.files), 'file')}, {counted(size, 'byte')}"
    answer(f"{place}: {count}; sizes and checksums match the manifest", as_json=as_json)
    if as_json:
        summary = {"path": place, "files": len(known.files), "bytes": size, "runs": known.run_ids}
        print_json({"status": "done", **summary})


@command()
@reads_job
def recover(config: str, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    """Clean up what a killed run left at the output. The next run does the same."""
    from sparkscale.publish import announce, files

    job, output = _with_output(config, **chosen)
    place = _folder(job, output, debug=debug)
    if output.path is not None and place is None and output.is_files:
        place, found = output.path, announce.Announced.of(output.path).recover()
    else:
        found = files.recover(place) if place else []
    for line in found or (f"nothing to recover at {place or 'the output'}",):
        answer(line, as_json=as_json)
    if as_json:
        print_json({"status": "done", "recovered": found})


def _with_output(config: str, **chosen: Any) -> tuple[Job, Output]:
    job = load(config, "recover", **chosen)
    job.config.need("output")
    assert job.config.output is not None  # noqa: S101 - it was needed
    return job, job.config.output


def _folder(job: Job, output: Output, *, debug: bool) -> str | None:
    """Return the output's folder, from the catalog if it is a table; None if it isn't on this machine."""
    if output.table is None:
        return output.local
    from sparkscale.run.folder import folder_of

    return folder_of(job, debug=debug)
