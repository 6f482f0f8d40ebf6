"""The parts of a machine record, in the order of the lessons; each module ends with `PART = Part(...)`."""

import importlib
import pkgutil

from lessons_lib.machine_record.part import Part

__all__ = ["PARTS", "Part"]


def _collected() -> dict[str, Part]:
    names = (module.name for module in pkgutil.iter_modules(__path__))
    found: list[Part] = [importlib.import_module(f"{__name__}.{name}").PART for name in names]
    return {part.name: part for part in sorted(found, key=lambda part: part.name)}


PARTS: dict[str, Part] = _collected()
