"""Versions of a model in a folder on disk, and one small file that names the live one.

    versions/1f0c8a54d2b7/weights.safetensors   the weights: numbers and names, no code (never pickle)
                          version.json          metrics, lineage, and the sha256 of the two other files
                          MODEL_CARD.md         the same for people
    live.json                                   the name of the live version, and of the one before

The name of a version is the beginning of the sha256 of its version.json, which holds those of the other files, as in git:
whoever knows the name can tell whether anything was changed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lessons_lib.explained import Explained, Mistake
from lessons_lib.rollout.card import model_card
from lessons_lib.rollout.files import create_folder, patiently, remove_folder, replace_file, sha256

NAME_DIGITS = 12
WEIGHTS, FACTS, CARD = "weights.safetensors", "version.json", "MODEL_CARD.md"


class Damaged(Explained, RuntimeError):
    """Something in the registry is not what its hash says."""


@dataclass(frozen=True)
class Version:
    """What is known of a version without reading its weights.

    id: 12 hexadecimal digits. facts: name, note, metrics, lineage, weights_sha256, card_sha256, tensors, size_bytes.
    """

    id: str
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.facts["name"])

    @property
    def parent(self) -> str | None:
        """The id of the version that it was made from."""
        return self.facts["lineage"].get("parent")

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class Registry:
    """A folder of versions; several processes may read it while one writes."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        (self.folder / "versions").mkdir(parents=True, exist_ok=True)

    def add(
        self,
        name: str,
        weights: Mapping[str, np.ndarray],
        *,
        metrics: Mapping[str, Any] | None = None,
        parent: str | None = None,
        data: str = "",
        seed: int | None = None,
        note: str = "",
    ) -> Version:
        """Keep a version; the live one stays what it is. The same content again gives the same version.

        Args:
            name: for people. weights: arrays by name. metrics: anything that JSON can hold. parent: id of the version that this
                one was made from. data, seed: what it was trained on, and from which random numbers. note: for the card.

        Raises:
            Mistake: no weights, or a parent that is not here.
        """
        from safetensors.numpy import save

        if not weights:
            raise Mistake(f"The version {name!r} has no weights: give a dictionary of arrays.")
        if parent is not None and not self._folder(parent).is_dir():
            raise Mistake(f"The parent {parent!r} is not in this registry; {self._names()}")
        content = save({key: np.asarray(value, order="C") for key, value in weights.items()})
        facts: dict[str, Any] = {
            "name": name, "note": note, "metrics": dict(metrics or {}), "weights_sha256": sha256(content),
            "lineage": {"parent": parent, "data": data, "seed": seed}, "tensors": len(weights), "size_bytes": len(content),
        }  # fmt: skip
        card = model_card(facts).encode()
        told = json.dumps({**facts, "card_sha256": sha256(card)}, indent=1, sort_keys=True).encode()
        found = Version(sha256(told)[:NAME_DIGITS], json.loads(told))
        self._create(found, {WEIGHTS: content, FACTS: told, CARD: card})
        return found

    def version(self, name: str) -> Version:
        """Find a version by its id; everything that belongs to it is read and compared with its hash.

        Raises:
            Mistake: there is none. Damaged: a file is missing or was changed.
        """
        return self._read(name)[0]

    def load(self, name: str) -> dict[str, np.ndarray]:
        """The weights of a version, verified; raises as `version` does."""
        from safetensors.numpy import load

        return load(self._read(name)[1])

    def card(self, name: str) -> str:
        """The model card of a version, in Markdown, verified; raises as `version` does."""
        self._read(name)
        return _bytes(self._folder(name) / CARD).decode()

    def promote(self, name: str) -> Version:
        """Make a version live, in one step; it is verified first, and the one before it is remembered.

        Raises:
            Mistake, Damaged: as `version`; the live version then stays.
        """
        found = self.version(name)
        try:
            before = self._pointer().get("live")
        except Damaged:
            before = None  # nobody knows which one was live; from now on this one is
        if before != found.id:
            told = {"live": found.id, "before": before}
            replace_file(self.folder / "live.json", json.dumps(told).encode())
        return found

    def live(self) -> Version | None:
        """The live version, verified; None where nothing was promoted yet.

        Raises:
            Damaged: it is not whole; `back()` then returns to the one before.
        """
        name = self._pointer().get("live")
        return None if name is None else self.version(name)

    def back(self) -> Version:
        """Make the version live that was live before.

        Raises:
            Mistake: there was none.
        """
        before = self._pointer().get("before")
        if before is None:
            raise Mistake("There is no version to go back to: only one was ever live.")
        return self.promote(before)

    def versions(self) -> list[Version]:
        """Every whole version; those that are damaged are passed over."""
        found = []
        for name in sorted(self._ids()):
            try:
                found.append(self.version(name))
            except Damaged:
                continue
        return found

    def tidy(self) -> int:
        """Delete what killed processes left half-written; how many things. Only while nobody else writes."""
        left = [*self.folder.glob("*.part"), *(self.folder / "versions").glob("*.part")]
        for path in left:
            remove_folder(path) if path.is_dir() else path.unlink(missing_ok=True)
        return len(left)

    def _create(self, found: Version, contents: Mapping[str, bytes]) -> None:
        folder = self._folder(found.id)
        try:
            create_folder(folder, contents)
        except OSError:  # there already; some systems say so only when the folder is renamed
            if not folder.is_dir():
                raise
            for name, content in contents.items():  # same name, same content; what was damaged since is mended
                if _bytes(folder / name) != content:
                    replace_file(folder / name, content)

    def _read(self, name: str) -> tuple[Version, bytes]:
        folder = self._folder(name)
        if not folder.is_dir():
            raise Mistake(f"There is no version {name!r} in this registry; {self._names()}")
        told, weights, card = (_bytes(folder / part) for part in (FACTS, WEIGHTS, CARD))
        if sha256(told)[:NAME_DIGITS] != name:
            raise Damaged(_changed(name, FACTS))
        facts = json.loads(told)
        for part, content, key in ((WEIGHTS, weights, "weights_sha256"), (CARD, card, "card_sha256")):
            if sha256(content) != facts[key]:
                raise Damaged(_changed(name, part))
        return Version(name, facts), weights

    def _pointer(self) -> dict[str, Any]:
        path = self.folder / "live.json"
        if not path.exists():
            return {}
        try:
            told = json.loads(_bytes(path))
            return {"live": told["live"], "before": told["before"]}
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{path.name} does not name a version ({error!r}); promote one again.") from error

    def _folder(self, name: str) -> Path:
        if not (isinstance(name, str) and _is_id(name)):
            raise Mistake(f"{name!r} is no version; it has {NAME_DIGITS} digits from 0 to f. {self._names()}")
        return self.folder / "versions" / name

    def _ids(self) -> list[str]:
        return [p.name for p in (self.folder / "versions").iterdir() if p.is_dir() and _is_id(p.name)]

    def _names(self) -> str:
        return f"those that are: {', '.join(sorted(self._ids())) or 'none'}."


def _is_id(name: str) -> bool:
    return len(name) == NAME_DIGITS and set(name) <= set("0123456789abcdef")


def _bytes(path: Path) -> bytes:
    """The content of a file; empty where it is missing, which no hash fits."""
    content = b""

    def read() -> None:
        nonlocal content
        content = path.read_bytes() if path.exists() else b""

    patiently(read)
    return content


def _changed(name: str, part: str) -> str:
    return f"{part} of version {name} is not what was registered: it is missing or was changed. Use another version, or add it again."
