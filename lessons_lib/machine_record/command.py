"""The command line of the recorder: `run.py record`."""

import argparse
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lessons_lib import machine_file
from lessons_lib.explained import Explained, Mistake
from lessons_lib.machine_record import device_block, options
from lessons_lib.machine_record.kept import finished, path_beside, previous, refuse_other_files
from lessons_lib.machine_record.part import Part
from lessons_lib.machine_record.parts import PARTS
from lessons_lib.machine_record.recorder import Plan, record

SEED = 0
PROJECT = Path(__file__).resolve().parents[2]
STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}


def main(arguments: list[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Record this machine and return the exit status: 0, 1 something failed, 2 refused, 130 or 143 stopped."""
    chosen = options.parser().parse_args(arguments)
    try:
        plan = make_plan(chosen, parts)
    except Explained as reason:
        print(reason, file=sys.stderr)
        return 2
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        return _carried_out(plan)
    finally:
        signal.signal(signal.SIGTERM, before)


def _carried_out(plan: Plan) -> int:
    _say(f"Recording {device_block.block(plan.device)['name']}, profile {plan.profile}, into {plan.output}")
    if plan.output.exists():
        _say(f"The record that lies there will be kept as {previous(plan.output).name}.")
    _say("Let nothing else run meanwhile.")
    _say("Stop at any time (Ctrl-C): the same command goes on with the first part that is not finished.\n")
    try:
        content = record(plan, _say)
    except KeyboardInterrupt as stop:
        _say(f"\nStopped. {_kept(plan)} Start the same command again to go on.")
        return STOPPED[signal.SIGTERM if stop.args else signal.SIGINT]
    except Explained as reason:
        print(f"\n{reason}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\nThe record cannot be written to {plan.output}: {error.strerror or error}.", file=sys.stderr)
        return 1
    _say(summary(content, plan))
    return 0


def _stop(*_: Any) -> None:
    raise KeyboardInterrupt("SIGTERM")


def _say(text: str) -> None:
    print(text, flush=True)


def _kept(plan: Plan) -> str:
    path = path_beside(plan.output)
    count = sum(name in plan.parts for name in finished(path))
    return f"{count} of {len(plan.parts)} parts are kept in {path}." if count else "No part was finished yet."


def make_plan(chosen: argparse.Namespace, parts: Mapping[str, Part] = PARTS) -> Plan:
    """What the options ask for.

    Raises:
        Mistake: a part or a device that does not exist, or an output that is something else. NotHere: no GPU can be used.
    """
    wanted = selected(chosen.only, parts)
    device = device_block.choose(chosen.device)
    output = Path(chosen.output).expanduser() if chosen.output else _default_output(device, chosen)
    if output.is_dir():
        raise Mistake(f"--output is {chosen.output!r}, which is a folder; give the name of a file, ending in .json.")
    refuse_other_files(output)
    left_out = tuple(name for name in parts if name not in wanted)
    return Plan(device, chosen.profile, SEED, wanted, output, left_out)


def selected(only: list[str], parts: Mapping[str, Part]) -> dict[str, Part]:
    """The parts of these names or lessons, in the usual order; all of them where none is named.

    Raises:
        Mistake: a name that no part and no lesson has.
    """
    names = [name for text in only for name in text.split(",") if name]
    for name in names:
        if not any(name in (part, part.partition(".")[0]) for part in parts):
            raise Mistake(f"There is no part {name!r}; there are {', '.join(parts)}.")
    return {name: part for name, part in parts.items() if not names or name in names or name.partition(".")[0] in names}


def _default_output(device: Any, chosen: argparse.Namespace) -> Path:
    name = device_block.block(device)["name"]
    words = [name, chosen.profile, *chosen.only]
    plain = "-".join(re.sub(r"[^A-Za-z0-9.]+", "_", word).strip("_.") for word in words)
    folder = PROJECT if (PROJECT / "run.py").is_file() else Path.cwd()
    return folder / "reports" / f"machine_record-{plain}.json"


def summary(content: Mapping[str, Any], plan: Plan) -> str:
    """What was measured, what could not be and why, and where the file lies."""
    lines = ["", f"Recorded in {content['seconds']:.0f} s:"]
    for name, part in content["parts"].items():
        found = part["series"] or part["facts"]
        what = f"{len(part['series'])} series, {len(part['facts'])} facts" if found else "nothing"
        lines.append(f"  {name:18} {part['seconds']:6.0f} s  {what}")
        lines += [f"  {'':18}           not measured: {note}" for note in part["notes"]]
    if content["clocks"]["note"]:
        lines.append(f"  {content['clocks']['note']}")
    size = plan.output.stat().st_size
    lines += ["", f"The record lies in {plan.output} ({size / 1000:.0f} kB). {_what_next(content, plan)}"]
    return "\n".join(lines)


def _what_next(content: Mapping[str, Any], plan: Plan) -> str:
    """How to hand the record in, or everything that keeps it from being handed in."""
    told = [*_lacking(plan), *_disturbed(content)]
    if told:
        return f"It cannot be handed in: {' Also, '.join(told)}"
    return "docs/record.md says how to hand it in."


def _lacking(plan: Plan) -> Iterator[str]:
    if plan.profile == "smoke":
        yield "the profile smoke only shows that it works; choose quick, the default."
    if plan.left_out:
        yield f"it lacks {', '.join(plan.left_out)}; leave --only out for all parts."


def _disturbed(content: Mapping[str, Any]) -> Iterator[str]:
    names = machine_file.MachineRecord(dict(content)).disturbed
    if names and content["profile"] != "smoke":  # whose few samples always vary
        yield f"it is disturbed, since the times of {', '.join(names)} vary too much; run it again with nothing else running."
