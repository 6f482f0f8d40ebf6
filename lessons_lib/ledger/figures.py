"""The learner's figures that questions and overviews quote; each is None where it was not measured or cannot be read."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from lessons_lib.ledger.events import Events
from lessons_lib.ledger.judged import finite
from lessons_lib.ledger.rows import ODD_FIELDS
from lessons_lib.timing.table import duration
from lessons_lib.training_memory import in_words

Figure = Callable[[Events], str | None]


def figure(text: Callable[[Events], str]) -> Figure:
    """Let a text be None where the record lacks what it quotes."""

    @wraps(text)
    def told(events: Events) -> str | None:
        try:
            return text(events)
        except ODD_FIELDS:
            return None

    return told


def _costs(events: Events) -> dict[str, Any]:
    return (events.measured("05.inference") or {})["costs"]


@figure
def step_time(events: Events) -> str:
    """What one training step takes."""
    costs = _costs(events)
    return f"{_ms(costs['step']['median_ms'])} for a step of {costs['batch']} images"


@figure
def times_as_long(events: Events) -> str:
    """A step against predicting the same images."""
    costs = _costs(events)
    return f"{finite(costs['times_as_long']):.1f} times as long as predicting the same {costs['batch']} images"


@figure
def one_time(events: Events) -> str:
    """What one prediction takes in PyTorch."""
    return f"{_ms(_costs(events)['one']['median_ms'])} for one image in PyTorch"


def prediction_time(events: Events) -> str | None:
    """What one prediction takes in PyTorch, and in the fastest engine."""
    return " and ".join(filter(None, [one_time(events), fastest_time(events)])) or None


@figure
def fastest_time(events: Events) -> str:
    """What one prediction takes in the fastest engine of lesson 05."""
    found = (events.measured("05.inference") or {})["latencies"]
    name, ms = min(((name, finite(one["p50_ms"])) for name, one in found.items()), key=lambda pair: pair[1])
    return f"{_ms(ms)} in {name}"


@figure
def step_memory(events: Events) -> str:
    """What one training step holds."""
    costs = _costs(events)
    return f"{in_words(finite(costs['step']['memory_bytes']))} for a step of {costs['batch']} images"


@figure
def one_memory(events: Events) -> str:
    """What predictions hold."""
    costs = _costs(events)
    one, same = (in_words(finite(costs[name]["memory_bytes"])) for name in ("one", "same_batch"))
    return f"{one} for one image, {same} for {costs['batch']}"


@figure
def training_speed(events: Events) -> str:
    """How fast lesson 01 trained, and on what."""
    event = events.measured("01.accuracy") or {}
    return f"{finite(event['images_per_second']):,.0f} images a second on {_device(event['device'])}, lesson 01's small network"


@figure
def training_updates(events: Events) -> str:
    """How often the weights changed in lesson 01, or else what came of it."""
    event = events.measured("01.accuracy") or {}
    if "steps" not in event:
        return f"they brought the network of lesson 01 to {finite(event['accuracy']):.1%} of the test images"
    return f"{finite(event['steps']):,.0f} updates in lesson 01, to {finite(event['accuracy']):.1%} of the test images"


@figure
def training_visits(events: Events) -> str:
    """How often each image was seen in lesson 01."""
    event = events.measured("01.accuracy") or {}
    return f"each image was visited {finite(event['visits']):.1f} times in lesson 01"


@figure
def service_overtakes(events: Events) -> str:
    """After how many predictions a service has taken longer than the training; lesson 05 says so in its second sentence."""
    claims = (events.measured("05.inference") or {})["claims"]
    return str(claims["inference is always faster than training"].split(". ")[1])


@figure
def left_in_training_mode(events: Events) -> str:
    """What predicting in training mode does to the accuracy."""
    event = events.measured("05.inference") or {}
    before, after = (finite(event[name]) for name in ("accuracy_before", "accuracy_after_training_mode"))
    return f"predicting in training mode by mistake took the accuracy from {before:.1%} to {after:.1%}"


@figure
def best_single(events: Events) -> str:
    """The fastest row of lesson 09 for one image that loses at most a point of accuracy."""
    rows = [row for row in (events.measured("09.grid") or {})["rows"] if row["batch"] == 1]
    baseline = next(row for row in rows if row["verdict"] == "the baseline")
    good = [row for row in rows if finite(row["accuracy"]) >= finite(baseline["accuracy"]) - 0.01]
    best = min(good, key=lambda row: finite(row["latency_ms"]))
    return f"{best['variant']} on {best['engine']}, {_device(best['device'])}: {_ms(best['latency_ms'])} for one image"


@figure
def training_cost(events: Events) -> str:
    """What training costs before launch, in lesson 10."""
    return f"{_dollars(_price(events, 'training_first'))} before launch"


@figure
def serving_cost(events: Events) -> str:
    """What predictions cost at launch, in lesson 10."""
    return f"{_dollars(_price(events, 'price_launch'))} a million predictions at your traffic"


def _price(events: Events, name: str) -> float:
    found = (events.measured("10.costs") or {})["figures"][name]
    if not str(found["unit"]).startswith("USD"):
        raise ValueError(f"{name} is in {found['unit']}, not in dollars.")
    return finite(found["value"])


def _dollars(price: float) -> str:
    """Cents from a dollar on, three digits below it: "$1,403", "$19.20", "$0.152"."""
    return f"${price:,.0f}" if price >= 1_000 else f"${price:,.2f}" if price >= 1 else f"${price:.3g}"


def _ms(value: Any) -> str:
    return duration(finite(value))


def _device(name: str) -> str:
    """ "cpu" and "cuda" as people say them."""
    return {"cpu": "the CPU", "cuda": "the GPU"}.get(str(name).partition(":")[0], str(name))
