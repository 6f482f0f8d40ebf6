"""The set-up cell that every notebook has: it finds the library, or fetches it where there is none (Colab)."""

TEMPLATE = """\
# @title Set-up (does nothing where the course is installed)
import importlib.util, os, pathlib, subprocess, sys

class SetUpStopped(Exception):
    def _render_traceback_(self):  # the sentence alone
        return [str(self)]

if not importlib.util.find_spec("lessons_lib") and pathlib.Path("../lessons_lib").is_dir():
    sys.path.insert(0, str(pathlib.Path("..").resolve()))  # a clone that is not installed
if not importlib.util.find_spec("lessons_lib"):
    address = os.environ.get("LESSONS_REPOSITORY") or "@ADDRESS@"
    fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"git+{address}"]
    if not address or subprocess.run(fetch).returncode:
        raise SetUpStopped(f"The library of the course is not installed and cannot be fetched from {address or 'anywhere'}. "
                           "Open this notebook from a clone of the project, or run this first and then this cell again: "
                           "import os; os.environ['LESSONS_REPOSITORY'] = 'https://github.com/OWNER/NAME'")
    importlib.invalidate_caches()
    importlib.import_module("lessons_lib.setup_missing").install()"""


def source(address: str) -> str:
    """The code of the set-up cell.

    Args:
        address: where git finds the course, without `git+`; empty where there is none yet.
    """
    return TEMPLATE.replace("@ADDRESS@", address.replace("\\", "/").replace('"', "%22"))
