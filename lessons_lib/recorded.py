"""Results measured on other machines, to look at beside one's own; the course ships only what was really measured."""

import json
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from lessons_lib.grid import Row

FORMAT = 1


@dataclass(frozen=True)
class Recording:
    """The rows of lesson 09 from one machine, with what is needed to judge them.

    device: name of the GPU or CPU. date: ISO 8601. versions: of the packages. dataset: what the models were trained on.
    """

    device: str
    date: str
    versions: dict[str, str]
    dataset: str
    rows: tuple[Row, ...]

    @property
    def label(self) -> str:
        """What has to stand beside every figure of this recording."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"recorded on {self.device}, {self.date}, {versions}"


def parse(text: str, origin: str) -> Recording:
    """Read a recording from JSON.

    Raises:
        ValueError: the text is no recording in this format; names `origin` and what is wrong.
    """
    try:
        content: dict[str, Any] = json.loads(text)
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, this course reads {FORMAT}")
        rows = tuple(_row(row) for row in content["rows"])
        if not rows:
            raise ValueError("it holds no rows")
        texts = [content[name] for name in ("device", "date", "dataset")]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"device, date and dataset are {texts}, and should be text")
        return Recording(content["device"], content["date"], dict(content["versions"]), content["dataset"], rows)
    except KeyError as error:
        raise ValueError(f"{origin} is no recording of this course: it lacks {error}.") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{origin} is no recording of this course: {error}.") from error


def _row(content: dict[str, Any]) -> Row:
    names = {field.name for field in fields(Row)}
    if set(content) != names:
        raise ValueError(f"a row's fields differ from those expected: {sorted(set(content) ^ names)}")
    wrong = [field.name for field in fields(Row) if not _fits(content[field.name], field.type)]
    if wrong:
        raise ValueError(f"a row holds values of the wrong kind: {', '.join(wrong)}")
    return Row(**content)


def _fits(value: object, kind: Any) -> bool:
    return isinstance(value, int | float if kind is float else kind)  # JSON may write 1.0 as 1


def load(folder: Path | None = None) -> tuple[list[Recording], str]:
    """Every recording in a folder, by default those that ship with the course.

    Returns:
        The recordings, oldest first, and one sentence that says what there is; files that cannot be read are named in
        it and left out.
    """
    folder = folder or Path(str(resources.files("lessons_lib") / "records"))
    found: list[Recording] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            found.append(parse(path.read_text(encoding="utf-8", errors="replace"), path.name))
        except (OSError, ValueError) as error:
            problems.append(str(error))
    found.sort(key=lambda recording: recording.date)
    told = (
        "Shown beside yours: " + "; ".join(recording.label for recording in found) + "."
        if found
        else "No GPU results are shown, because none have been recorded for this course yet."
    )
    return found, " ".join([told, *problems])
