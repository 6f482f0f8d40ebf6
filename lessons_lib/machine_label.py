"""Which machine a measurement comes from, in a line that tells its hardware and nothing about its owner."""

import functools
import os
import platform

from lessons_lib import machine


@functools.cache
def label() -> str:
    """Processor, cores that may be used, memory, GPU and system; worked out once a process, without the internet.

    Two machines of the same kind have the same label: it holds neither a name of the machine nor a serial number.
    """
    gpu = machine.nvidia_gpu()
    parts = [
        " ".join(machine.cpu_model().split()),
        f"{machine.cpu_limit():g} of {os.cpu_count()} cores",
        f"{machine.memory_limit_bytes() / 2**30:.0f} GiB",
        gpu["name"] if gpu else "no NVIDIA GPU",
        f"{platform.system()} {platform.machine()}",
    ]
    return ", ".join(parts)
