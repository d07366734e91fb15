"""The picture of `sparkscale inspect` in a terminal, for the README: the statistics of the quickstart's flights."""

from __future__ import annotations

import html
import io
import re
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from click.testing import CliRunner
from rich.console import Console
from sample_data import write_flights

import sparkscale as ss
from sparkscale.cli.app import app

_COMMAND = "sparkscale inspect out/stats"
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_TEXT = re.compile(r'<text class="[\w-]+-r\d+" x="[\d.]+" y="([\d.]+)"[^>]*>(.*?)</text>')
#: What may differ from time to time: versions, the time of the fit, the last digits of a number, and quantiles, which
#: come from a sketch.
_VARIES = re.compile(
    r"(?<=numpy )[\w.]+|(?<=sparkscale )\d[\w.]*|(?<=\.\d{9})\d+|\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z|(?<=_delay: ).*"
)


def printed() -> str:
    """Return what `sparkscale inspect` prints of a fit of the flights."""
    pipeline = ss.Pipeline([ss.Standard(["distance", "air_time"]), ss.Robust("*_delay")])
    with tempfile.TemporaryDirectory() as folder:
        write_flights(Path(folder, "flights"))
        flights = pq.read_table(Path(folder, "flights"))
        numbers = {name: flights[name] for name in ("distance", "air_time", "dep_delay", "arr_delay")}
        pipeline.fit_arrays(numbers).save(f"{folder}/stats")
        return CliRunner().invoke(app, ["inspect", f"{folder}/stats"], obj=[], catch_exceptions=False).stdout


def svg() -> str:
    """Return a terminal that shows the command and what it prints. It fetches no font."""
    text = printed()
    width = max(map(len, text.splitlines())) + 1
    console = Console(record=True, width=width, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    console.print(f"[bold green]$[/] [bold]{_COMMAND}[/]")
    console.print(text.rstrip(), highlight=False, markup=False)
    return _FONT.sub("", console.export_svg(title="sparkscale", unique_id="inspect"))


def renewed(old: str) -> str:
    """Return the picture; the old one where it says the same, because another rich draws other coordinates."""
    new = svg()
    return old if words(old) == words(new) else new


def words(picture: str) -> list[str]:
    """Return the lines of text in a picture, without what may differ from machine to machine."""
    lines: dict[float, str] = {}
    for y, text in _TEXT.findall(picture):
        lines[float(y)] = lines.get(float(y), "") + html.unescape(text).replace("\xa0", " ")
    return [_VARIES.sub("", lines[y]).rstrip() for y in sorted(lines)]
