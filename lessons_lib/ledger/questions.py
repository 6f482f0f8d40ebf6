"""The questions that everybody asks about training and inference, each answered in three sentences with the learner's figures."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from lessons_lib.ledger import figures
from lessons_lib.ledger.events import Events
from lessons_lib.ledger.judged import lowered
from lessons_lib.ledger.rows import Row, ledger


@dataclass(frozen=True)
class Answer:
    """A usual question and the three sentences that answer it."""

    question: str
    sentences: tuple[str, str, str]

    @property
    def text(self) -> str:
        """The answer as one paragraph."""
        return " ".join(self.sentences)


@dataclass(frozen=True, repr=False)
class Answers:
    """All of them; shows itself in a notebook and in a terminal."""

    all: Sequence[Answer]

    def __repr__(self) -> str:
        return "\n\n".join(f"{one.question}\n{one.text}" for one in self.all)

    def _repr_html_(self) -> str:
        pairs = (f"<dt><b>{html.escape(one.question)}</b></dt><dd>{html.escape(one.text)}</dd>" for one in self.all)
        return f"<dl>{''.join(pairs)}</dl>"


def usual_questions(events: Events | None = None) -> Answers:
    """The usual questions with what this learner measured.

    Args:
        events: to read from; the learner's record by default.
    """
    found = events or Events()
    rows = {row.key: row for row in ledger(found)}
    return Answers([_what(found), _faster(found), _skipped(rows), _hardware(found, rows), _retrain(rows)])


def _what(events: Events) -> Answer:
    times = figures.prediction_time(events)
    return Answer(
        "What is inference?",
        (
            "Inference is using a trained model: new data go in, an answer comes out, once for every request.",
            "Its weights stay as training left them, so it needs neither labels nor gradients, only one pass forward.",
            f"Yours took {times}." if times else "Lesson 05 measures how long that takes on your machine.",
        ),
    )


def _faster(events: Events) -> Answer:
    ratio, overtaken = figures.times_as_long(events), figures.service_overtakes(events)
    here = (
        f"on your machine a training step took {ratio}" if ratio else "lesson 05 measures by how much on your machine"
    )
    after = overtaken or "after enough predictions the service has taken longer than the training"
    return Answer(
        "Is inference always faster than training?",
        (
            f"If one training step is compared with predicting the same images, it mostly is: {here}.",
            f"But training ends and inference goes on: {lowered(after).rstrip('.')}.",
            "So say what you compare, a step with a prediction or a training with the life of a service, before you say faster.",
        ),
    )


def _skipped(rows: dict[str, Row]) -> Answer:
    return Answer(
        "Can training be skipped?",
        (
            "No: a network with random weights guesses, and what it knows has to come from somewhere.",
            "But you can start from a network that somebody else trained, and train only what your task adds.",
            _verdict(rows["cannot_skip_training"]),
        ),
    )


def _hardware(events: Events, rows: dict[str, Row]) -> Answer:
    trained, best = figures.training_speed(events), figures.best_single(events)
    here = "; ".join(filter(None, [f"training ran at {trained}" if trained else None, best]))
    return Answer(
        "Do training and inference want the same hardware?",
        (
            "They can share it, but training wants throughput and memory for weeks, and inference a short wait at the lowest price.",
            f"Here {here}." if here else "Lessons 01 and 09 measure what your own hardware does for both.",
            _verdict(rows["same_hardware"]),
        ),
    )


def _retrain(rows: dict[str, Row]) -> Answer:
    return Answer(
        "How often does a model have to be retrained?",
        (
            "As often as the data change: years may pass for a static task, days or weeks for fraud or recommendations.",
            "Watch the inputs and the answers, and retrain when an alarm or a calendar says so, whichever costs less.",
            _verdict(rows["retraining_rhythm"]),
        ),
    )


def _verdict(row: Row) -> str:
    """What the ledger says of a claim, in one sentence."""
    if not row.is_measured:
        return f"Your own figures are not here yet: run lesson {row.lesson}."
    told = "; ".join(map(lowered, row.measured.rstrip(".").split(". ")))
    judged = told if told.startswith("it holds") else f"{row.word} ({told})"
    made = " (from a smoke run)" if row.profile == "smoke" else ""
    return f"Your ledger says{made} of “{row.claim.rstrip('.')}”: {judged}."
