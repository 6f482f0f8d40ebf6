"""Fetches one published file: resumed where it broke off, checked, and put in place only when it is whole.

The bytes arrive in `NAME.part`, which stays after an interrupt and is continued from any of the addresses. Only a file with
the right checksums is renamed to `NAME`, in one step, so that nobody ever sees half a file.
"""

import errno
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.datasets.cache import DatasetUnavailable, RemoteFile, defect
from lessons_lib.datasets.lock import only_one

Progress = Callable[[str, int, int], None]  # name, bytes so far, bytes in all
PIECE_BYTES = 2**16
NOT_THERE = {401, 403, 404, 410}  # answers that another try does not change
NO_SPACE = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True)
class Patience:
    """How long to put up with a bad connection.

    Args:
        rounds: how often to try every address.
        timeout_s: silence after which a connection counts as dead.
        pause_s: wait before the second round; it doubles with each further one.
        grace_s: how long an address may be slow before the next one is tried.
        slow_bytes_per_s: what counts as slow in the first round, while there is another address to try.
        dead_bytes_per_s: what counts as too slow in any round.
    """

    rounds: int = 3
    timeout_s: float = 20.0
    pause_s: float = 1.0
    grace_s: float = 15.0
    slow_bytes_per_s: float = 300_000
    dead_bytes_per_s: float = 500


def fetch(
    file: RemoteFile, folder: Path, *, progress: Progress | None = None, patience: Patience | None = None
) -> Path:
    """Download a file into a folder, unless another process does so meanwhile.

    Args:
        file: what to get, how long it is and what its checksums are.
        folder: where it goes; it exists and can be written.
        progress: called with the name, the bytes so far and the bytes in all; None: `report`.
        patience: None: the default.

    Returns:
        The path of the verified file.

    Raises:
        DatasetUnavailable: no address gave the official file; the message holds the reason of each.
    """
    target = folder / file.name
    with only_one(folder / f"{file.name}.lock", f"Another process is downloading {file.name}; waiting for it."):
        if target.exists():
            if defect(target, file) is None:
                return target
            os.replace(target, folder / f"{file.name}.damaged")
        part = folder / f"{file.name}.part"
        _fill(part, file, progress or report, patience or Patience())
        os.replace(part, target)
    return target


def _fill(part: Path, file: RemoteFile, progress: Progress, patience: Patience) -> None:
    """Complete `part` from whichever address works, or raise."""
    reasons: dict[str, str] = {}
    urls = list(file.urls)
    for round_number in range(patience.rounds):
        if round_number and urls:
            time.sleep(patience.pause_s * 2 ** (round_number - 1))
        for url in tuple(urls):
            minimum = patience.slow_bytes_per_s if not round_number and url != urls[-1] else patience.dead_bytes_per_s
            try:
                _continue(part, file, url, progress, patience, minimum)
                return
            except (OSError, http.client.HTTPException, ValueError) as error:
                if getattr(error, "errno", None) in NO_SPACE:
                    raise DatasetUnavailable(f"{part} cannot be written: {error.strerror}.") from error  # type: ignore[union-attr]
                reasons[url] = _reason(error)
                if isinstance(error, urllib.error.HTTPError) and error.code in NOT_THERE:
                    urls.remove(url)
    raise DatasetUnavailable("\n".join(f"{url}: {reason}" for url, reason in reasons.items()))


def _continue(
    part: Path, file: RemoteFile, url: str, progress: Progress, patience: Patience, minimum_bytes_per_s: float
) -> None:
    """Append what is missing from one address, and check the whole."""
    done = part.stat().st_size if part.exists() else 0
    if done > file.size_bytes:
        part.unlink()
        done = 0
    if done < file.size_bytes:
        headers = {"User-Agent": "training-and-inference-measured", "Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={done}-"} if done else {}
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=patience.timeout_s
        ) as response:
            start = _start(response, done, file)
            with open(part, "r+b" if start else "wb") as stream:
                stream.seek(start)
                _copy(response, stream.write, file, start, progress, patience.grace_s, minimum_bytes_per_s)
    problem = defect(part, file)
    if problem is not None:
        part.unlink()  # what is wrong is not worth continuing
        raise ValueError(f"the file there is not the official one: {problem}")


def _start(response: http.client.HTTPResponse, asked: int, file: RemoteFile) -> int:
    """Where the bytes that come begin: at what was asked for, or at 0 where the server ignores ranges."""
    start = asked if response.status == 206 else 0
    length = response.headers.get("Content-Length", "")
    if start and not response.headers.get("Content-Range", "").startswith(f"bytes {asked}-"):
        raise ValueError(f"the server answered with another part of the file than from byte {asked} on.")
    if length.isdigit() and int(length) != file.size_bytes - start:  # a log-in page of the network, for example
        raise ValueError(f"the file there has {start + int(length):,} bytes, the official one {file.size_bytes:,}.")
    return start


def _copy(
    response: http.client.HTTPResponse,
    write: Callable[[bytes], int],
    file: RemoteFile,
    start: int,
    progress: Progress,
    grace_s: float,
    minimum_bytes_per_s: float,
) -> None:
    done, began = start, time.monotonic()
    progress(file.name, done, file.size_bytes)
    while piece := response.read1(PIECE_BYTES):
        done += len(piece)
        if done > file.size_bytes:
            raise ValueError(f"the file there is longer than the official one ({file.size_bytes:,} bytes).")
        write(piece)
        progress(file.name, done, file.size_bytes)
        elapsed_s = time.monotonic() - began
        if done < file.size_bytes and elapsed_s > grace_s and (done - start) / elapsed_s < minimum_bytes_per_s:
            raise TimeoutError(f"only {(done - start) / elapsed_s / 1000:.1f} kB/s arrived.")
    if done < file.size_bytes:
        raise ConnectionError(f"the connection broke off after {done:,} of {file.size_bytes:,} bytes.")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} ({error.reason})."
    if isinstance(error, urllib.error.URLError):
        return f"no connection ({error.reason})."
    return str(error) or type(error).__name__


def report(name: str, done_bytes: int, total_bytes: int) -> None:
    """Show the progress on standard error: one line that changes on a terminal, a line per quarter elsewhere."""
    if total_bytes < 10**6:
        return
    line = f"{name}: {done_bytes / 1e6:.1f} of {total_bytes / 1e6:.1f} MB"
    if sys.stderr.isatty():
        print(f"\r{line}", end="\n" if done_bytes == total_bytes else "", file=sys.stderr, flush=True)
    elif _crosses_quarter(done_bytes, total_bytes):
        print(line, file=sys.stderr, flush=True)


def _crosses_quarter(done_bytes: int, total_bytes: int) -> bool:
    before = max(0, done_bytes - PIECE_BYTES)
    return done_bytes == 0 or 4 * done_bytes // total_bytes > 4 * before // total_bytes
