"""Installs what the course lacks on a machine that has most of it already, such as Colab. Standard library only.

Replacing a torch, numpy or ipywidgets that is loaded breaks the session, so every installed version is pinned.
"""

import importlib
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

COURSE = "training-and-inference-measured"
# Only what pip can read: one distribution with an odd version would stop it. Source: PEP 440.
VERSION = re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+([-_.][a-z0-9]+)*)?", re.I)


def install() -> list[str]:
    """Install the requirements of the course that are not there, and change nothing that is.

    Returns:
        The requirements that were installed.

    Raises:
        RuntimeError: pip could not do it.
    """
    absent = missing()
    if not absent:
        return []
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "installed.txt"
        pins.write_text("\n".join(constraints()) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(pins), *absent]
        if subprocess.run(command).returncode:
            raise RuntimeError(
                f"pip could not install {', '.join(absent)} beside what is installed here; what it printed says why. "
                "To try again: from lessons_lib.setup_missing import install; install()"
            )
    importlib.invalidate_caches()
    return absent


def missing() -> list[str]:
    """The requirements of the course, as its package states them, of which no version at all is installed."""
    required = [line for line in metadata.requires(COURSE) or [] if "extra ==" not in line]
    return [line for line in required if not _is_installed(re.split(r"[^\w.-]", line, maxsplit=1)[0])]


def constraints() -> list[str]:
    """One line for pip, `name==version`, for each distribution that is installed; the first on the path counts."""
    pins: dict[str, str] = {}
    for distribution in metadata.distributions():
        name, version = distribution.metadata["Name"], distribution.version
        if name and version and VERSION.fullmatch(version):
            pins.setdefault(re.sub(r"[-_.]+", "-", name).lower(), f"{name}=={version}")
    return sorted(pins.values())


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
