"""How many images at once? Latency and throughput against the batch size, up to what the memory holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from lessons_lib.timing import Measurement, measure


@dataclass(frozen=True)
class BatchPoint:
    """One batch size: its measurement, or the sentence that says why there is none."""

    batch: int
    measurement: Measurement | None
    problem: str = ""

    @property
    def images_per_second(self) -> float | None:
        """Throughput at this batch size."""
        return self.batch / self.measurement.median_ms * 1e3 if self.measurement else None


def is_out_of_memory(error: BaseException) -> bool:
    """Tell an exhausted memory from any other error: PyTorch and ONNX Runtime say it in words of their own."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    phrases = (
        "out of memory",
        "can't allocate memory",
        "cannot allocate memory",
        "not enough memory",
        "failed to allocate",
        "alloc_failed",
        "allocation_failed",
        "unable to find an engine",  # cuDNN has tried all its algorithms, and none got the memory to work in
        "bad_alloc",
        "bad allocation",
    )
    return any(phrase in str(error).lower() for phrase in phrases)


def take_batch(images: Tensor, size: int) -> Tensor:
    """A batch (size, c, h, w) from images (n, c, h, w), repeating them where there are too few.

    Raises:
        ValueError: no images, or a size below 1.
    """
    if not len(images) or size < 1:
        raise ValueError(f"a batch needs one image or more; asked for {size} from {len(images)} images.")
    repeats = -(-size // len(images))
    return images[:size] if repeats == 1 else images.repeat(repeats, 1, 1, 1)[:size]


def sweep(
    engine: Callable[[Tensor], Tensor],
    images: Tensor,
    batches: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128),
    *,
    seconds: float = 0.3,
    device: str | torch.device = "cpu",
) -> list[BatchPoint]:
    """Measure an engine at each batch size, in rising order.

    Args:
        engine: takes float32 (batch, c, h, w). images: float32 (n, c, h, w) to take the batches from; batches lie where they
            lie. batches: batch sizes. seconds: how long to measure each. device: what to synchronise with.

    Returns:
        One point for each size. Where the memory is exhausted the point says so, larger sizes are not tried, and what
        was measured before stays.
    """
    points: list[BatchPoint] = []
    for batch in sorted(set(batches)):
        if points and points[-1].measurement is None:
            points.append(BatchPoint(batch, None, "not tried: a smaller batch did not fit into the memory"))
            continue
        points.append(_point(engine, images, batch, seconds, device))
        if points[-1].measurement is None:
            free_memory()
    return points


def _point(
    engine: Callable[[Tensor], Tensor], images: Tensor, batch: int, seconds: float, device: str | torch.device
) -> BatchPoint:
    try:
        x = take_batch(images, batch)
        engine(x)
        return BatchPoint(batch, measure(partial(engine, x), seconds=seconds, device=device))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    return BatchPoint(batch, None, f"a batch of {batch} does not fit into the memory")


def free_memory() -> None:
    """Give back what PyTorch keeps of a GPU's memory for later. Call it after the `except` block of an error: within it, the
    error still holds everything that was being calculated."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def measured(points: Sequence[BatchPoint]) -> list[BatchPoint]:
    """The sizes that fitted into the memory."""
    return [point for point in points if point.measurement]


def fastest(points: Sequence[BatchPoint]) -> BatchPoint:
    """The size with the highest throughput."""
    return max(measured(points), key=lambda point: point.images_per_second or 0.0)


def enough(points: Sequence[BatchPoint], share: float = 0.95) -> BatchPoint:
    """The smallest size whose throughput comes within `share` of the highest seen: beyond it everybody only waits longer."""
    most = fastest(points).images_per_second or 0.0
    return next(point for point in measured(points) if (point.images_per_second or 0.0) >= share * most)


def gain(points: Sequence[BatchPoint]) -> float:
    """How many times the throughput of the smallest size the fastest one has."""
    return (fastest(points).images_per_second or 0.0) / (measured(points)[0].images_per_second or 1.0)


def relative_rates(points: Sequence[BatchPoint]) -> dict[float, list[float]]:
    """Throughput by size, as times that of the smallest size; at the quartiles and the median: what `plots.bands` draws."""
    first = measured(points)[0].images_per_second or 1.0
    return {
        point.batch: [
            point.batch / ms * 1e3 / first for ms in (*point.measurement.quartiles_ms, point.measurement.median_ms)
        ]
        for point in points
        if point.measurement
    }


def saturated(points: Sequence[BatchPoint]) -> bool:
    """Was a size tried beyond the smallest that is enough? If not, still larger ones may bring more."""
    return enough(points) is not measured(points)[-1]


def row(name: str, points: Sequence[BatchPoint]) -> dict[str, str]:
    """What batches buy an engine, for a table."""
    first, best, least = measured(points)[0], fastest(points), enough(points)
    return {
        "network": name,
        f"images/s at batch {first.batch}": f"{first.images_per_second:,.0f}",
        "at best": f"{best.images_per_second:,.0f} (batch {best.batch}{', the largest tried' * (best is measured(points)[-1])})",
        "gain": f"{gain(points):.1f}x",
        "enough": f"batch {least.batch}{' or more' * (not saturated(points))}",
        "latency there": f"{least.measurement.median_ms:.3g} ms instead of {first.measurement.median_ms:.3g}",  # type: ignore[union-attr]
    }


def beyond(sweeps: Mapping[str, Sequence[BatchPoint]]) -> str:
    """What happens beyond the best batch, for the network that loses most there; and where larger ones may bring more still."""
    rising = [f"{name} (batch {measured(p)[-1].batch})" for name, p in sweeps.items() if not saturated(p)]
    still = (
        f"Saturation was not reached by {', '.join(rising)}: the largest size tried still brought more."
        if rising
        else ""
    )
    return " ".join(filter(None, [still, _beyond_enough({name: p for name, p in sweeps.items() if saturated(p)})]))


def _beyond_enough(sweeps: Mapping[str, Sequence[BatchPoint]]) -> str:
    left = {
        name: (measured(p)[-1].images_per_second or 0.0) / (fastest(p).images_per_second or 1.0)
        for name, p in sweeps.items()
    }
    if not left:
        return ""
    name = min(left, key=lambda key: left[key])
    best, last = fastest(sweeps[name]), measured(sweeps[name])[-1]
    if left[name] > 0.95:
        return "Beyond it next to nothing is gained, and everybody waits longer."
    return (
        f"Beyond it everybody waits longer, and throughput may even fall: {name} does {1 - left[name]:.0%} less at batch {last.batch} "
        f"than at {best.batch}, perhaps because what passes from layer to layer no longer fits into the cache."
    )


def together(name: str, points: Sequence[BatchPoint], size: int = 8) -> str:
    """How much longer several images take together than one, in a sentence."""
    first = measured(points)[0]
    several = max((p for p in measured(points) if p.batch <= size), key=lambda p: p.batch)
    if several is first:
        return f"No batch of {size} was measured of {name}."
    times = several.measurement.median_ms / first.measurement.median_ms  # type: ignore[union-attr]
    more = several.batch / first.batch
    verdict = f"not {more:g} times" if times < 0.8 * more else "so here they share little"
    return f"{several.batch} images take **{name}** {times:.1f} times as long as {first.batch}, {verdict}."
