"""Right and wrong answers to every exercise, one file a lesson.

Each file holds RIGHT, at least two answers by exercise, and WRONG: by exercise and mistake, the answer and a phrase of the
message that names the mistake.
"""

import importlib
import pkgutil
from types import ModuleType


def by_lesson() -> list[ModuleType]:
    """The files of this folder, in order."""
    return [importlib.import_module(f"answers.{found.name}") for found in pkgutil.iter_modules(__path__)]
