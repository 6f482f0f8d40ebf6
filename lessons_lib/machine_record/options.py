"""The options of `run.py record`, written once; needs only the standard library, so that a typing error is found early."""

import argparse

from lessons_lib import profiles


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the recorder to `parser`."""
    parser.add_argument(
        "--device", default="auto", metavar="auto|cpu|cuda|cuda:1", help="what to measure; auto takes a GPU if any"
    )
    parser.add_argument(
        "--profile",
        choices=profiles.NAMES,
        default="quick",
        help="how thoroughly: smoke takes a minute and shows nothing but that it works, quick (the default) stays below "
        "10 minutes on a GPU, full is for the patient",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NN.PART",
        help="measure these parts alone, for example 05.precision, or all of a lesson: 05",
    )
    parser.add_argument(
        "--output", metavar="FILE", help="where the record goes (the default is a file in reports/ in the project)"
    )


def parser() -> argparse.ArgumentParser:
    """The parser of `python -m lessons_lib.machine_record`."""
    made = argparse.ArgumentParser(prog="run.py record", description="Measure this machine and write one JSON file.")
    add_options(made)
    return made
