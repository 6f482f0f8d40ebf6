"""The doctor's questions about what is installed: packages, the build of PyTorch, widgets, a browser."""

import importlib.metadata
import re
import shutil
from pathlib import Path

from lessons_lib import machine
from lessons_lib.doctor.finding import Finding

PROJECT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
# Major versions of ipywidgets, jupyterlab_widgets and widgetsnbextension that were released together.
FITTING = (("8", "3", "4"), ("7", "1", "3"))


def pins() -> dict[str, str]:
    """The exact versions that requirements.txt asks for."""
    text = machine.read(PROJECT / "requirements.txt")
    return dict(re.findall(r"^([\w.-]+)==([^\s#;]+)", text, re.MULTILINE))


def installed(name: str) -> str | None:
    """The version of a package without the mark of its build ("+cpu"); None where it is missing."""
    try:
        return importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


def packages() -> Finding:
    """Are the pinned packages there?"""
    wanted = pins()
    missing = [name for name in wanted if installed(name) is None]
    other = [f"{name} {installed(name)} instead of {pin}" for name, pin in wanted.items() if installed(name) != pin]
    if "torch" in missing:
        return Finding("warning", "The packages are not installed yet.", "`python run.py course` installs them.")
    if missing:
        remedy = "`python run.py course` or `python run.py lab` installs them, in an environment of its own."
        return Finding("problem", f"Packages are missing: {', '.join(missing)}.", remedy)
    if other:
        sentence = f"Packages have other versions than the tested ones: {', '.join(other)}."
        return Finding("warning", sentence, "fine on Colab or Binder; elsewhere start through run.py.")
    return Finding("ok", f"All {len(wanted)} packages have the pinned versions.")


def gpu() -> Finding:
    """Is there an NVIDIA GPU, and can PyTorch use it?"""
    found = machine.nvidia_gpu()
    if found is None:
        return Finding("ok", "No NVIDIA GPU; every lesson runs on the CPU.")
    sentence = f"{found['name']}, driver {found['driver']}"
    if installed("torch") is None:
        return Finding("ok", f"{sentence}; PyTorch is not installed yet.")
    import torch

    if torch.cuda.is_available():
        return Finding("ok", f"{sentence}; PyTorch {torch.__version__} uses it.")
    if torch.version.cuda is None:
        remedy = "on Linux `python run.py clean`, then start again; elsewhere take the CUDA build from pytorch.org."
        return Finding("warning", f"{sentence}, but PyTorch {torch.__version__} is a build for the CPU.", remedy)
    sentence = f"{sentence}, but PyTorch for CUDA {torch.version.cuda} cannot use it."
    return Finding("warning", sentence, "update the driver; until then the lessons run on the CPU.")


def widgets() -> Finding:
    """Do the halves of the widgets, in Python and in the browser, belong together?"""
    versions = {name: installed(name) for name in ("ipywidgets", "jupyterlab_widgets", "widgetsnbextension")}
    if versions["ipywidgets"] is None:
        return Finding("warning", "The widgets are not installed yet.", "`python run.py lab` installs them.")
    sentence = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    if tuple((version or "0").partition(".")[0] for version in versions.values()) in FITTING:
        return Finding("ok", f"The widgets fit together: {sentence}.")
    return Finding(
        "warning", f"The widgets do not fit together: {sentence}.", "`python run.py clean`, then start again."
    )


def browser() -> Finding:
    """Is there a Chromium for the one test that drives JupyterLab?"""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return Finding("ok", f"A browser for the tests is there: {found}.")
    return Finding("ok", "No Chromium; only the browser test wants it (on Debian: apt-get install chromium).")
