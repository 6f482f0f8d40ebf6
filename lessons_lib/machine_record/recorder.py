"""Makes a machine record: every part in turn, each kept as soon as it is finished, and at the end one file."""

import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lessons_lib import device as devices
from lessons_lib import machine_file
from lessons_lib.explained import NotHere
from lessons_lib.machine_record import clocks, device_block, interrupts, one_part
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import evenly
from lessons_lib.machine_record.kept import Kept, keep_previous, key_of, open_kept, path_beside
from lessons_lib.machine_record.part import Part
from lessons_lib.machine_record.private import scrub
from lessons_lib.resume import replace_file

FEWER_SAMPLES = (40, 20, 10, 5, 3)


@dataclass(frozen=True)
class Plan:
    """What is to be recorded: on which device, how thoroughly, which parts, where the file goes, and which parts are left out."""

    device: torch.device
    profile: str
    seed: int
    parts: Mapping[str, Part]
    output: Path
    left_out: tuple[str, ...] = ()


def record(plan: Plan, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure what is not measured yet, and write the file.

    Returns:
        The content of the file.

    Raises:
        NotHere: the GPU stopped working; what was finished is kept, and the message says how to go on.
        OSError: a file cannot be written.
    """
    head = _head(plan)
    kept = open_kept(path_beside(plan.output), key_of(**head))
    if not kept.about:
        kept.about = {"date": _now(), "before": clocks.read(plan.device)}
        kept.save()  # a place that cannot be written is found out now, not after ten minutes
    with interrupts.noticed() as pressed:
        _measure(plan, kept, say, pressed)
    content = _content(head, plan, kept)
    text = small_enough(content)
    plan.output.parent.mkdir(parents=True, exist_ok=True)
    keep_previous(plan.output)
    replace_file(plan.output, text.encode())
    kept.remove()
    return content


def _head(plan: Plan) -> dict[str, Any]:
    return {
        "device": device_block.block(plan.device),
        "machine": scrub(_machine(plan.device), []),
        "versions": device_block.versions(),
        "profile": plan.profile,
        "seed": plan.seed,
        "threads": torch.get_num_threads(),
    }


def _machine(device: torch.device) -> dict[str, Any]:
    gpu = {"gpu": devices.gpu(device)} if device.type == "cuda" else {}  # the one that is measured, of several
    return devices.fingerprint() | gpu


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _measure(plan: Plan, kept: Kept, say: Callable[[str], None], pressed: Callable[[], bool]) -> None:
    context = Context(plan.device, plan.profile, plan.seed, lambda text: say(f"    {text}"))
    in_turn = sorted(plan.parts.items(), key=lambda item: item[1].last)
    for number, (name, part) in enumerate(in_turn, 1):
        title = f"[{number}/{len(plan.parts)}] {name}: {part.title}"
        if name in kept.parts:
            say(f"{title}: measured before the stop.")
            continue
        say(f"{title} ...")
        began = time.perf_counter()
        found = one_part.measured(part, context)
        if pressed():  # and something in the part stopped early instead of ending it
            raise KeyboardInterrupt
        kept.add(name, found)
        say(f"    {time.perf_counter() - began:.0f} s, {_in_short(found)}")
        if not one_part.answers(plan.device):
            raise NotHere(
                f"The GPU does not answer any more after the part {name}. {len(kept.parts)} of {len(plan.parts)} parts "
                "are kept: start the same command again to go on with the next."
            )


def _in_short(part: Mapping[str, Any]) -> str:
    told = f"{len(part['series'])} series, {len(part['facts'])} facts"
    return told + "".join(f"\n    not measured: {note}" for note in part["notes"])


def _content(head: dict[str, Any], plan: Plan, kept: Kept) -> dict[str, Any]:
    after = clocks.read(plan.device)
    parts = {name: kept.parts[name] for name in plan.parts}
    return {
        "format": machine_file.FORMAT,
        "schema": machine_file.SCHEMA,
        "date": kept.about["date"],
        "device": head["device"],
        "machine": head["machine"],
        "versions": head["versions"],
        "clocks": clocks.block(kept.about["before"], after, plan.device),
        **{name: head[name] for name in ("profile", "seed", "threads")},
        "seconds": round(sum(part["seconds"] for part in parts.values()), 1),
        "parts": parts,
    }


def small_enough(content: dict[str, Any]) -> str:
    """The text of the file, with as many samples as fit into the largest size.

    Raises:
        ValueError: even with few samples it is too large.
    """
    for most in FEWER_SAMPLES:
        for part in content["parts"].values():
            for series in part["series"]:
                series["samples_ms"] = evenly(series["samples_ms"], most)
        try:
            return machine_file.as_text(content)
        except machine_file.TooLarge as problem:
            last = problem
    raise last
