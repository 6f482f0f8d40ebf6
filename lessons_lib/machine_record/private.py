"""Takes out of a text whatever tells whose machine it was: paths, the user's name, the machine's name, serial numbers."""

import getpass
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

# Names that say nothing about anybody, and that may be words of a sentence.
NOBODY = {"root", "user", "admin", "ubuntu", "runner", "jovyan", "localhost", "default", "nobody"}
# Those of the kernel are the same everywhere.
PATHS = re.compile(r"(?<![\w.:/])(?!/(?:sys|proc|dev)/)(?:file:/+|~|[A-Za-z]:)?(?:[\\/][\w.@+~-]+){2,}[\\/]?")
SERIALS = re.compile(r"\b(?:GPU|MIG)-[0-9a-fA-F]{8}-[0-9a-fA-F-]{10,}")


def names() -> list[str]:
    """The name of the user and that of the machine, where they are somebody's."""
    found = [Path.home().name, socket.gethostname(), socket.gethostname().partition(".")[0]]
    with suppress(OSError, KeyError, ImportError):  # a container may run as a number that has no name
        found.append(getpass.getuser())
    return sorted({name for name in found if len(name) > 2 and name.lower() not in NOBODY}, key=len, reverse=True)


def scrubbed(text: str, people: list[str]) -> str:
    """The text without paths and serial numbers, and without these names where they stand as words."""
    text = SERIALS.sub("(serial number)", PATHS.sub("(path)", text))
    for name in people:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "(name)", text)
    return text


def scrub(value: Any, people: list[str]) -> Any:
    """The same for every text inside lists and dicts; their keys stay."""
    if isinstance(value, str):
        return scrubbed(value, people)
    if isinstance(value, dict):
        return {key: scrub(item, people) for key, item in value.items()}
    if isinstance(value, list):
        return [scrub(item, people) for item in value]
    return value
