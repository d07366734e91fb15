"""Commands in processes of their own, each the leader of its group; and a process that keeps an engine for many."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.injection import Fault, injected

#: Seconds after which a process that should have ended is said to hang.
PATIENCE = 180.0
#: What every process of the campaign finds in its environment; its value must be found nowhere else.
SECRET_NAME, SECRET = "FAULTS_SECRET", "s3cr3t-of-the-campaign"
#: For JVMs that live for seconds, where the environment has no options of its own.
_JAVA = os.environ.get("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData")
_PRELOADED = ["sparkscale.cli.entry", "sparkscale.config.jobfile", "sparkscale.run.job", "pysail", "grpc",
              "pyarrow.parquet", "pyspark.sql.connect.session"]  # fmt: skip
#: The checkout whose package is tried, whatever is installed.
_CHECKOUT = str(Path(__file__).resolve().parent.parent.parent)
_context = multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Clean this process's environment, which all others inherit, and say what they import before they are forked."""
    for name in list(os.environ):
        if name.startswith(("SPARK", "PYSPARK", "PYTHON", "SAIL")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYTHONUTF8": "1", "PYTHONPATH": _CHECKOUT, SECRET_NAME: SECRET}
    _context.set_forkserver_preload(_PRELOADED)


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it said. ``code`` is negative where a signal ended it."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line on stderr, all that a scheduler shows."""
        return self.err.rstrip("\n").rpartition("\n")[2]


#: Runs a command in a folder, and returns how it ended.
Runner = Callable[[Sequence[str], Path], Outcome]


def scratch(folder: Path) -> dict[str, str]:
    """Return the environment that keeps what a process makes for itself in one folder."""
    folder.mkdir(exist_ok=True)
    return {"TMPDIR": str(folder), "JDK_JAVA_OPTIONS": f"{_JAVA} -Djava.io.tmpdir={folder}"}


class Started:
    """A command that runs: by its console script, or (``fault``, ``forked``) in a forked process."""

    def __init__(
        self, arguments: Sequence[str], folder: Path, *, fault: Fault | None = None, forked: bool = True
    ) -> None:
        """Start it in ``folder``, where its own temporary files are in ``tmp``."""
        self._out, self._err = folder / "stdout", folder / "stderr"
        env = scratch(folder / "tmp")
        self._process: Any
        if forked:
            self._process = _context.Process(target=_command, args=(list(arguments), folder, env, fault))
            self._process.start()
        else:
            code = "from sparkscale.cli.entry import main; main()"
            with self._out.open("wb") as out, self._err.open("wb") as err:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code, *arguments], cwd=folder, env=os.environ | env,
                    stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
                )  # fmt: skip
        self.pid: int = self._process.pid

    def wait(self, seconds: float = PATIENCE) -> Outcome | None:
        """Wait for the end; None where it does not come."""
        if isinstance(self._process, subprocess.Popen):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            code = self._process.returncode
        else:
            self._process.join(seconds)
            code = self._process.exitcode
        if code is None:
            return None
        said = (place.read_text(errors="replace") if place.exists() else "" for place in (self._out, self._err))
        return Outcome(code, *said)

    def signal(self, number: signal.Signals, *, group: bool) -> None:
        """Send a signal to the process, or to it and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            if group and os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        self.signal(signal.SIGKILL, group=True)
        self.wait()
        for pid in of_session(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def ending(self) -> Iterator[Started]:
        """Kill what is left of it when the block ends."""
        try:
            yield self
        finally:
            self.kill()


def _command(arguments: list[str], folder: Path, env: Mapping[str, str], fault: Fault | None) -> None:
    _settle(folder, env, "stdout", "stderr")
    from sparkscale.cli import entry

    sys.argv = ["sparkscale", *arguments]
    with injected(fault):
        entry.main()


def _settle(folder: Path, env: Mapping[str, str], out: str, err: str) -> None:
    """Make this process the leader of a group, at home in a folder, with its output in files there."""
    os.setsid()
    os.chdir(folder)
    os.environ.update(env)
    tempfile.tempdir = None
    for name, number in ((out, 1), (err, 2)):
        opened = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)


def run(arguments: Sequence[str], folder: Path, *, fault: Fault | None = None, forked: bool = True) -> Outcome:
    """Run a command to its end."""
    started = Started(arguments, folder, fault=fault, forked=forked)
    with started.ending():
        return started.wait() or Outcome(-1, "", f"no end after {PATIENCE} seconds")


def start(work: Any, *arguments: Any) -> Any:
    """Start a function of a module in a forked process."""
    process = _context.Process(target=work, args=arguments)
    process.start()
    return process


def queue() -> Any:
    """Return a queue between processes."""
    return _context.Queue()


def event() -> Any:
    """Return an event that all processes see."""
    return _context.Event()


def of_session(leader: int) -> dict[int, str]:
    """Return the processes of a session that are alive, with their command lines."""
    found = {}
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found[int(place.name)] = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def busy(leader: int, name: str) -> dict[int, int]:
    """Return the ticks of the processor that processes of a session have used, of those with a name."""
    used = {}
    for pid, line in of_session(leader).items():
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used |= {pid: int(fields[11]) + int(fields[12])} if name in line else {}
    return used


class Host:
    """A process that runs commands one after the other on one engine, started once."""

    def __init__(self, spark: Mapping[str, Any], folder: Path) -> None:
        """Start it; ``spark`` is a job file's section, ``{"engine": "sail"}`` starts Sail for each command anew."""
        folder.mkdir()
        self.spark, self.folder = spark, folder
        self._lock = threading.Lock()
        self._connection, theirs = _context.Pipe()
        self._process: Any = _context.Process(target=_serve, args=(theirs, dict(spark), folder))
        self._process.start()
        self.pid = self._process.pid
        theirs.close()

    def run(self, arguments: Sequence[str], folder: Path, *, fault: Fault | None = None) -> Outcome:
        """Run a command as a process of its own would, but for the engine."""
        with self.alone() as run:
            return run(arguments, folder, fault)

    @contextlib.contextmanager
    def alone(self) -> Iterator[Runner]:
        """Keep the engine from the other lane, while its disk is full or its workers die, and yield what runs on it."""
        with self._lock:
            yield self._run

    def _run(self, arguments: Sequence[str], folder: Path, fault: Fault | None = None) -> Outcome:
        try:
            self._connection.send((list(arguments), folder, fault))
            if self._connection.poll(PATIENCE):
                return self._connection.recv()
        except (EOFError, OSError) as error:
            return Outcome(-1, "", f"the process of the engine has ended: {error}\n{self.log}")
        return Outcome(-1, "", f"no end after {PATIENCE} seconds\n{self.log}")

    @property
    def log(self) -> str:
        """The end of what the engine said."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self._connection.send(None)
        self._process.join(20)
        for pid in [self.pid, *of_session(self.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _serve(connection: Any, spark: dict[str, Any], folder: Path) -> None:
    _settle(folder, scratch(folder / "tmp"), "log", "log")
    from sparkscale.config.models import Spark
    from sparkscale.publish import files
    from sparkscale.spark.session.session import session

    files.GRACE = 0.0  # nobody reads while commands run here
    with contextlib.ExitStack() as stack:
        if spark.get("engine") != "sail":
            stack.enter_context(session(Spark.model_validate(spark), "faults", formats={"delta", "iceberg"}))
        while (wanted := connection.recv()) is not None:
            connection.send(_in_process(*wanted))


def _in_process(arguments: list[str], folder: Path, fault: Fault | None) -> Outcome:
    from sparkscale.cli import entry

    os.chdir(folder)
    out, err, code = io.StringIO(), io.StringIO(), 0
    with injected(fault), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            entry.main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


def await_(condition: Any, seconds: float) -> bool:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())
