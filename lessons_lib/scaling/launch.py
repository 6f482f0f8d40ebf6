"""Starting the processes of a job with PyTorch's launcher, following them, and leaving none behind."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from lessons_lib.scaling.failure import died, silent
from lessons_lib.scaling.progress import Standing, standings
from lessons_lib.scaling.watch import NOTEBOOK

LOOK_EVERY_S = 0.2
START_S = 120.0  # a slow disk takes long to load PyTorch
LOG = "launcher.log"
LOOPBACK = {"linux": "lo", "darwin": "lo0"}
FOREIGN = ("TORCHELASTIC", "GLOO_", "MASTER_", "JPY_", "MPLBACKEND")
OWN_RANK = {"RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"}


def command(job_file: Path, processes: int) -> list[str]:
    """What starts the processes on this machine; they find each other over the loopback interface."""
    where = ["--standalone", "--local-addr=127.0.0.1"]
    if sys.platform == "win32":  # PyTorch is built without libuv there, which the standalone rendezvous needs
        where = ["--rdzv-backend=static", "--master-addr=127.0.0.1", f"--master-port={free_port()}"]
    launcher = [sys.executable, "-m", "torch.distributed.run", *where, f"--nproc-per-node={processes}"]
    return [*launcher, f"--log-dir={job_file.parent / 'logs'}", "-m", "lessons_lib.scaling.worker", str(job_file)]


def environment(folder: Path, threads: int, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables for the processes: those of the notebook, without what concerns only it or another job."""
    kept = {k: v for k, v in inherited.items() if not k.startswith(FOREIGN) and k not in OWN_RANK}
    library = str(Path(__file__).resolve().parents[2])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [library, kept.get("PYTHONPATH")]))
    kept |= {"OMP_NUM_THREADS": str(threads), NOTEBOOK: str(os.getpid())}
    kept |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))  # what is left there goes with the folder
    if sys.platform in LOOPBACK:
        kept["GLOO_SOCKET_IFNAME"] = LOOPBACK[sys.platform]
    return kept | ({"USE_LIBUV": "0"} if sys.platform == "win32" else {})


def follow_to_the_end(
    job_file: Path, processes: int, threads: int, timeout_s: float, tell: Callable[[Standing], None]
) -> None:
    """Run a job to its end; whatever happens, none of its processes outlives this call.

    Args:
        job_file: made by `job.write`; its folder receives the results.
        processes, threads: how many, and how many CPU threads each.
        timeout_s: how long the processes may go without finishing a step.
        tell: called now and then with where rank 0 stands.

    Raises:
        Explained: a process ended early, or none went on; says which and where.
    """
    folder = job_file.parent
    own_group = {"creationflags": 0x200} if sys.platform == "win32" else {"start_new_session": True}
    with open(folder / LOG, "wb") as log:
        launcher = subprocess.Popen(
            command(job_file, processes), cwd=folder, env=environment(folder, threads), stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, **own_group,  # type: ignore[call-overload]  # an interrupt is the notebook's business
        )  # fmt: skip
        try:
            follow(launcher, folder, timeout_s, tell)
        finally:
            end(launcher, folder)
    if launcher.returncode:
        raise died(folder, launcher.returncode, (folder / LOG).read_text(encoding="utf-8", errors="replace"))


def follow(launcher: subprocess.Popen, folder: Path, timeout_s: float, tell: Callable[[Standing], None]) -> None:
    """Wait until the launcher ends, or no process has gone on for so long."""
    before, moved = standings(folder), time.monotonic()
    while launcher.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            launcher.wait(LOOK_EVERY_S)
        now = standings(folder)
        if now != before:
            before, moved = now, time.monotonic()
            tell(now[0])
            continue
        limit_s = timeout_s if any(s.step for s in now) else max(timeout_s, START_S)
        if time.monotonic() - moved > limit_s:
            raise silent(now, limit_s)


def end(launcher: subprocess.Popen, folder: Path) -> None:
    """Kill what still runs of the launcher and the processes that it started, and wait until they are gone."""
    family = workers(folder)
    with contextlib.suppress(psutil.Error):
        top = psutil.Process(launcher.pid)
        family += [*top.children(recursive=True), top]
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()
    launcher.wait()
    psutil.wait_procs(family, timeout=10)


def workers(folder: Path) -> list[psutil.Process]:
    """The processes that have told their standing and still run, also where the launcher is gone."""
    found = []
    for standing in standings(folder):
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(standing.pid)
            if any(str(folder) in word for word in process.cmdline()):  # not another one with a number used again
                found.append(process)
    return found


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def temporary_folder() -> tempfile.TemporaryDirectory:
    """For a job, its images and its results."""
    return tempfile.TemporaryDirectory(prefix="lessons-scaling-", ignore_cleanup_errors=True)
