"""Installs the pinned packages into the virtual environment and says in plain words how it goes; standard library alone."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import IO

from lessons_lib.bootstrap.environment import (
    COURSE,
    PROJECT,
    PYTHON,
    VENV,
    Failed,
    fingerprint,
    make_environment,
    only_one_at_a_time,
    ready,
    stamp,
)
from lessons_lib.machine import nvidia_gpu

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
NEEDED_GIB, NEEDED_FOR_CUDA_GIB = 3, 12
# What pip says when an installation fails, and what it means; the first that fits is told.
CAUSES = [
    (r"No space left on device|Errno 28|not enough space", "The disk is full: free some space, or set LESSONS_VENV."),
    (r"ProxyError|Tunnel connection failed|407 Proxy", "A proxy refuses the connection: set HTTPS_PROXY as your network wants it."),
    (r"CERTIFICATE_VERIFY_FAILED|SSLError", "A certificate is not trusted: behind a company's proxy set PIP_CERT to its certificate."),
    (r"name resolution|NameResolutionError|new connection|unreachable|getaddrinfo|timed out|ConnectTimeout",
     "The package index cannot be reached: are you offline?"),
    (r"Permission denied|Errno 13|Access is denied", "A folder cannot be written: is the project in a folder of yours?"),
    (r"No matching distribution|Could not find a version|requires a different Python",
     "A package does not exist for this Python or this system: use a 64-bit Python 3.11, 3.12 or 3.13."),
]  # fmt: skip


def set_up(requirements: str) -> None:
    """Have a virtual environment with the pinned packages; returns at once where there is one.

    Args:
        requirements: the name of the file with the pins.

    Raises:
        Failed: says why not, and what to do.
    """
    if ready(requirements):
        return
    with only_one_at_a_time() as lock:
        if ready(requirements):  # another start has just done it
            return
        check_disk()
        make_environment()
        install(requirements, lock)
        for name in {COURSE, requirements}:  # the larger set holds the smaller one
            stamp(name).write_text(fingerprint(name), encoding="utf-8")


def check_disk() -> None:
    """Refuse early where the packages cannot fit."""
    place = next(folder for folder in (VENV, *VENV.parents) if folder.is_dir())
    free_gib = shutil.disk_usage(place).free / 2**30
    needed_gib = NEEDED_FOR_CUDA_GIB if sys.platform.startswith("linux") and nvidia_gpu() else NEEDED_GIB
    if free_gib < needed_gib and not stamp(COURSE).exists():
        raise Failed(
            f"{place} has {free_gib:.1f} GiB free and the packages need {needed_gib}: free some space, "
            "or set LESSONS_VENV to a folder on a larger disk."
        )


def install(requirements: str, lock: IO[str]) -> None:
    """Install the pinned packages and the course itself, saying what is going on.

    Args:
        requirements: the name of the file with the pins.
        lock: stays open in pip too, so that nobody else starts while a pip runs on whose parent was killed.
    """
    print("Installing the packages; this takes some minutes the first time.", flush=True)
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", *torch_source()]
    command = [str(PYTHON), "-m", "pip", "install", *options, "-r", requirements, "-e", "."]
    environment = dict(os.environ, PYTHONUTF8="1", PYTHONUNBUFFERED="1")
    shared = () if os.name == "nt" else (lock.fileno(),)
    began, said = time.monotonic(), ""
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, text=True, encoding="utf-8", errors="replace", pass_fds=shared,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as pip:  # fmt: skip
        for line in pip.stdout or ():
            lines.append(line.rstrip())
            if (words := in_plain_words(line)) and words != said:
                said = words
                print(f"  {time.monotonic() - began:4.0f} s  {words}", flush=True)
    if pip.returncode:
        raise Failed(explain(lines))
    print(f"Installed in {time.monotonic() - began:.0f} s.\n", flush=True)


def in_plain_words(line: str) -> str:
    """What a line of pip means for the one who waits; empty where it is of no interest."""
    if found := re.match(r"\s+Downloading .*?([\w.]+)-\d\S* \(([\d.]+ [MG]B)\)", line):
        large = found[2].endswith("GB") or float(found[2].split()[0]) >= 5
        return f"fetching {found[1]}, {found[2]}" if large else "fetching small packages"
    if line.startswith("Installing collected packages"):
        return f"unpacking {line.count(',') + 1} packages, which takes a minute"
    if line.startswith("Installing build dependencies"):
        return "preparing the course itself"
    return ""


def explain(lines: list[str]) -> str:
    """The end of what pip said, and what it means in a sentence."""
    text = "\n".join(lines)
    meaning = (sentence for pattern, sentence in CAUSES if re.search(pattern, text, re.IGNORECASE))
    fallback = "Read the lines above; `python run.py doctor` may tell more."
    tail = "\n".join("  " + line for line in lines[-12:])
    return f"The packages could not be installed. The last lines of pip:\n{tail}\n{next(meaning, fallback)}"


def torch_source() -> list[str]:
    """The options that make pip take the CPU build of torch.

    Windows and macOS get it from PyPI anyway; on Linux PyPI has the build for CUDA, which is gigabytes larger.
    """
    if not sys.platform.startswith("linux") or nvidia_gpu() or has_local_cpu_wheel():
        return []
    if reachable(f"{CPU_WHEELS}/torch/"):
        return ["--extra-index-url", CPU_WHEELS]  # 2.13.0+cpu ranks above 2.13.0
    print(f"Note: {CPU_WHEELS} cannot be reached, so pip may fetch the CUDA build, which is far larger.", flush=True)
    return []


def has_local_cpu_wheel() -> bool:
    """Whether pip has been told of a folder with a CPU build of torch (find-links in its settings)."""
    result = subprocess.run([str(PYTHON), "-m", "pip", "config", "list"], capture_output=True, text=True)
    values = re.findall(r"find-links='(.*)'$", result.stdout, re.MULTILINE)
    folders = [Path(part.removeprefix("file://")) for value in values for part in re.split(r"\\n|\s+", value) if part]
    return any(re.search(r"(\+|%2B)cpu", wheel.name) for folder in folders for wheel in folder.glob("torch-*.whl"))


def reachable(url: str, seconds: float = 8) -> bool:
    """Whether an address answers in time; in a thread, because looking up a name knows no time limit."""
    answered: list[bool] = []

    def ask() -> None:
        with contextlib.suppress(OSError, ValueError):
            request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "run.py"})
            urllib.request.urlopen(request, timeout=seconds).close()
            answered.append(True)

    attempt = threading.Thread(target=ask, daemon=True)
    attempt.start()
    attempt.join(seconds)
    return bool(answered)
