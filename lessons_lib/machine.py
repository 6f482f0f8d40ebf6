"""What this machine offers, also from inside a container; needs nothing but the standard library."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
# The instruction sets that decide how fast float32 and int8 arithmetic is.
VECTOR_INSTRUCTIONS = (
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_int8",
    "amx_bf16", "asimd", "asimddp", "asimdhp", "i8mm", "bf16", "sve", "sve2",
)  # fmt: skip


def read(path: Path) -> str:
    """The text of a file; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def output_of(*command: str) -> str:
    """What a command prints; empty where it is missing, fails or takes longer than ten seconds."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def cgroup_folders(controller: str) -> Iterator[Path]:
    """Every cgroup that limits this process, from its own up to the root: a limit may stand at any level.

    Args:
        controller: "cpu" or "memory".
    """
    for line in read(OWN_CGROUPS).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        # An empty list of controllers is version 2, which a hybrid system mounts under unified/.
        roots = {CGROUPS / controllers, CGROUPS / controller} if controllers else {CGROUPS, CGROUPS / "unified"}
        own = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(len(own), -1, -1):
            yield from (root.joinpath(*own[:depth]) for root in roots)


def positive_numbers(text: str) -> list[float]:
    """The numbers of a limit file; empty where it says that there is no limit ("max", -1)."""
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        return []
    return numbers if all(number > 0 for number in numbers) else []


def cpu_limit() -> float:
    """How many cores this process may use: the least of the cores, the affinity and the container's quota."""
    # macOS and Windows have no affinity of this kind.
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    for folder in cgroup_folders("cpu"):
        files = (folder / "cpu.max", folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")
        numbers = positive_numbers(read(files[0]) or read(files[1]) + " " + read(files[2]))
        if len(numbers) == 2:  # quota and period, both in microseconds
            cores = min(cores, numbers[0] / numbers[1])
    return cores


def limit_threads() -> None:
    """Let PyTorch use as many threads as this process has cores; must run before torch is imported.

    A container with two cores of a machine with sixty-four would otherwise get sixty-four threads, and crawl. A value
    of OMP_NUM_THREADS that is already set stays.
    """
    allowed = cpu_limit()
    if allowed < (os.cpu_count() or 1):
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, int(allowed))))


def total_memory_bytes() -> int:
    """The memory of the whole machine in bytes; 0 where neither psutil nor the system can say."""
    try:
        import psutil

        return int(psutil.virtual_memory().total)
    except ImportError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 0


def memory_limit_bytes() -> int:
    """How much memory this process may use: the least of the machine's memory and the container's limits."""
    limits = [float(total_memory_bytes())]
    for folder in cgroup_folders("memory"):
        limits += positive_numbers(read(folder / "memory.max") or read(folder / "memory.limit_in_bytes"))
    return int(min(limit for limit in limits if limit > 0)) if any(limits) else 0


def peak_memory_bytes() -> int:
    """The most memory that this process has held at once since it started, in bytes.

    Source: VmHWM of proc_pid_status(5); getrusage(2), which on Linux also counts the parent that started the process.
    """
    for line in read(Path("/proc/self/status")).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB, macOS in bytes


def cpu_info(*keys: str) -> str:
    """The first value in /proc/cpuinfo under one of these keys; empty where there is none."""
    for line in read(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        if key.strip() in keys and value.strip():
            return value.strip()
    return ""


def cpu_model() -> str:
    """The name of the processor, as people know it."""
    name = cpu_info("model name", "Model")
    if sys.platform == "darwin":
        name = output_of("sysctl", "-n", "machdep.cpu.brand_string")
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0") as key:
            name = str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
    return name or platform.processor() or platform.machine()


def vector_instructions() -> list[str]:
    """The vector instruction sets of the CPU that matter here; empty where the system does not tell (Windows)."""
    flags = cpu_info("flags", "Features")
    if sys.platform == "darwin":
        flags = output_of("sysctl", "-n", "machdep.cpu.features", "machdep.cpu.leaf7_features").lower()
        if platform.machine() == "arm64":
            flags = "asimd"
    return [name for name in VECTOR_INSTRUCTIONS if name in flags.split()]


def nvidia_gpus() -> list[dict[str, str]]:
    """Name and driver of every NVIDIA GPU, in the order of nvidia-smi, whatever build of PyTorch is installed."""
    lines = output_of("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader").splitlines()
    pairs = [line.rpartition(",") for line in lines]
    return [{"name": name.strip(), "driver": driver.strip()} for name, _, driver in pairs if name.strip()]


def nvidia_gpu() -> dict[str, str] | None:
    """Name and driver of the first NVIDIA GPU; None where there is none."""
    return next(iter(nvidia_gpus()), None)
