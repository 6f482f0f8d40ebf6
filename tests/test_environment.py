"""Four files name what the course needs; here they are held against each other."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
PIP_ONLY = {"torch-pruning"}  # conda-forge has no such package; pip brings it with the course
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
COURSE = [Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["course"]]
OPTIONAL = ("dev", "openvino", "scale", "gpu")
DEV = [Requirement(text) for extra in OPTIONAL for text in PROJECT["optional-dependencies"][extra]]


def pins(name: str) -> dict[str, str]:
    """Package names in lower case and the exact versions in a requirements file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r"))]
    found = [re.fullmatch(r"([\w.-]+)(?:\[\w+\])?==([\w.]+)(?:; .+)?", line) for line in wanted]
    assert all(found), f"every line of {name} is an exact pin"
    return {match[1].lower(): match[2] for match in found}


def conda() -> dict[str, str]:
    """Package names and version specifications of environment.yml."""
    lines = [entry for entry in ENVIRONMENT["dependencies"] if isinstance(entry, str)]
    return {match[1]: match[2] for match in (re.fullmatch(r"([\w-]+)(.*)", line) for line in lines)}


@pytest.mark.parametrize("requirement", [r for r in COURSE if r.name not in PIP_ONLY], ids=lambda r: r.name)
def test_environment_yml_has_every_package_in_a_range_that_pyproject_allows(requirement):
    specification = conda()[CONDA_NAMES.get(requirement.name, requirement.name)]
    lowest = re.fullmatch(r"(?:>=|=)([\d.]+)", specification)
    assert lowest, f"{requirement.name}: {specification!r} names no lowest version"
    assert lowest[1] in requirement.specifier


@pytest.mark.parametrize("requirement", COURSE, ids=lambda requirement: requirement.name)
def test_the_pins_of_the_course_are_versions_that_pyproject_allows(requirement):
    assert pins("requirements.txt")[requirement.name] in requirement.specifier


@pytest.mark.parametrize("requirement", DEV, ids=lambda requirement: requirement.name)
def test_the_pins_of_the_tests_are_versions_that_pyproject_allows(requirement):
    assert pins("requirements-dev.txt")[requirement.name.lower()] in requirement.specifier


def test_the_pins_of_the_tests_contain_those_of_the_course():
    assert "-r requirements.txt" in (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()


def test_torch_has_one_version_everywhere():
    assert conda()["pytorch-cpu"] == "=" + pins("requirements.txt")["torch"]


def test_environment_yml_is_what_conda_and_binder_understand():
    assert ENVIRONMENT.keys() <= {"name", "channels", "dependencies", "variables"}
    assert re.fullmatch(r"=3\.\d+", conda()["python"]), "repo2docker takes no range for Python"
    assert conda()["python"][1:] in SpecifierSet(PROJECT["requires-python"])
    assert not (ROOT / "binder").exists(), "a folder binder/ would hide environment.yml"


def test_pip_brings_the_course_itself_and_nothing_else():
    by_pip = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    assert by_pip == [["-e ."]]
    assert "pip" in conda()
