"""The options of run.py's commands, written once; needs only the standard library, so that a typing error is found early."""

import argparse

from lessons_lib import profiles


def add_course_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a headless run of the lessons to `parser`."""
    parser.add_argument(
        "--profile",
        choices=profiles.NAMES,
        default="quick",
        help="how much work a lesson does: smoke takes seconds, quick about a minute (the default), full is for a patient learner or a GPU",
    )
    parser.add_argument(
        "--dataset",
        default="road_signs",
        metavar="NAME",
        help="road_signs (the default), new_signs, fashion_mnist, cifar10, or folder:PATH with your own images, one folder a class",
    )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the work runs; auto takes a GPU if any"
    )
    parser.add_argument(
        "--only", type=lesson_numbers, metavar="NN[,NN]", help="run these lessons alone, for example 01,09"
    )
    parser.add_argument(
        "--output", metavar="DIR", help="where course.html and course.json go (the default is reports/ in the project)"
    )


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the learner's report to `parser`."""
    parser.add_argument(
        "--output", metavar="DIR", help="where report.html and report.json go (the default is reports/ in the project)"
    )
    parser.add_argument(
        "--record",
        metavar="DIR",
        help="the folder of the record, for example reports/learner for that of `run.py course`",
    )


def lesson_numbers(text: str) -> list[str]:
    """Read "1,09" as ["01", "09"].

    Raises:
        argparse.ArgumentTypeError: a part is not a number.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of lesson numbers such as 01,09")
    return [f"{int(part):02d}" for part in parts]
