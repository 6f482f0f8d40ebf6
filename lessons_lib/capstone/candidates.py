"""What is shipped: which variant of the network, on which engine, how many images at once, on how many threads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lessons_lib import engines, machine
from lessons_lib.economics.refusing import ABOVE_0, require
from lessons_lib.explained import Mistake, NotHere

ENGINES = tuple(name for name in engines.NAMES if not name.startswith("GPU"))
FLOAT32, INT8 = "ONNX Runtime", "ONNX Runtime int8"
VARIANTS = ("base", "channels -50 %", "channels -75 %")  # that the lesson makes
MOST_IMAGES = 512


@dataclass(frozen=True)
class Candidate:
    """Something that could be shipped; the precision comes with the engine."""

    variant: str
    engine: str
    batch: int = 1
    threads: int = 1

    @property
    def name(self) -> str:
        """All that sets it apart, in a few words."""
        threads = f" · {self.threads} threads" if self.threads != 1 else ""
        return f"{self.variant} · {self.engine} · batch {self.batch}{threads}"


BASE = Candidate("base", "eager")

# One that meets every budget of its scenario on two cores, with the road signs and their shipped network.
REFERENCES: dict[str, Candidate] = {
    "vehicle": Candidate("base", INT8),
    "phone": Candidate("channels -50 %", INT8),
    "nightly": Candidate("channels -50 %", INT8, batch=32),
    "web service": Candidate("base", INT8),
}


def pool(variants: Iterable[str], batch: int = 32) -> list[Candidate]:
    """What the lesson measures: the base, and every variant on ONNX Runtime in both precisions; one image and `batch` at once."""
    kinds = [("base", "eager"), *((variant, engine) for variant in variants for engine in (FLOAT32, INT8))]
    return [Candidate(*kind, batch=size) for kind in kinds for size in (1, batch)]


def check(candidate: Candidate, variants: Sequence[str]) -> None:
    """See that a candidate can be measured here.

    Raises:
        Mistake: a variant, engine, batch size or number of threads that there is not, with what there is; or a name that two
            variants have.
        NotHere: this machine lacks the engine.
    """
    if twice := [name for name in dict.fromkeys(variants) if variants.count(name) > 1]:
        raise Mistake(f"{twice[0]!r} is a network of the course, so yours needs another name.")
    if candidate.variant not in variants:
        raise Mistake(f"VARIANT is {candidate.variant!r}; choose one of: {'; '.join(variants)}.")
    if candidate.engine not in ENGINES:
        raise Mistake(f"ENGINE is {candidate.engine!r}; what is shipped here runs on a CPU: {'; '.join(ENGINES)}.")
    cores = max(1, int(machine.cpu_limit()))
    _must_count("BATCH", candidate.batch, MOST_IMAGES, "images at once")
    _must_count("THREADS", candidate.threads, cores, "the cores that there are; more threads only wait for each other")
    if reason := engines.missing(candidate.engine):
        raise NotHere(reason)


def check_price(price_per_hour: float) -> None:
    """See that a core has a price that budgets can be a share of.

    Raises:
        Mistake: it is no number, or not above 0: half of nothing is no budget.
    """
    require("PRICE_PER_HOUR", price_per_hour, ABOVE_0)


def check_shown(name: str, variants: Iterable[str]) -> None:
    """See that a candidate of this name will be in the pool; an empty name leaves the choice open.

    Raises:
        Mistake: there is none; names those that there are.
    """
    names = [one.name for one in pool(variants)]
    if name and name not in names:
        raise Mistake(f"SHOWN is {name!r}; leave it empty, or choose one of: {'; '.join(names)}.")


def _must_count(name: str, count: object, most: int, what: str) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= most:
        raise Mistake(f"{name} is {count!r}; give a whole number from 1 to {most} ({what}).")
