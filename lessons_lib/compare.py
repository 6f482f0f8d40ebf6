"""The comparison laboratory: model variants x engine x batch size x device, measured side by side in one run."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from lessons_lib import engines, timing
from lessons_lib.batching import free_memory, is_out_of_memory, take_batch
from lessons_lib.datasets.split import Dataset
from lessons_lib.engines import Engine
from lessons_lib.grid import Grid, Row
from lessons_lib.models import to_input


def line_up(
    variants: Mapping[str, nn.Module],
    data: Dataset,
    *,
    device: str | torch.device = "auto",
    calibration_images: int = 256,
    threads: int | None = None,
    gpu_names: Sequence[str] = engines.GPU_USUAL,
) -> tuple[dict[tuple[str, str], Engine], list[str]]:
    """Make every variant ready on every engine that this machine has.

    Args:
        variants: trained models by name, the baseline first; "base" becomes "int8" where an engine runs it in 8 bits,
            "channels -50 %" becomes "channels -50 %, int8".
        data: its first training images calibrate int8. device: "cpu" leaves the GPU out, "cuda:1" names one of several.
        threads: see `engines.build`. gpu_names: the GPU engines to take; by default those that need no time to be made.

    Returns:
        Engines by (variant, engine name), and a sentence for each engine that is missing or does not run as its name says.
    """
    names, sentences = engines.available(device, gpu_names)
    gpu = engines.which_gpu(device)
    calibration = to_input(data.train.images[:calibration_images])
    lined_up: dict[tuple[str, str], Engine] = {}
    for variant, model in variants.items():
        for name, engine in engines.build(names, model, data.image_shape, calibration, threads, gpu).items():
            lined_up[(_eight_bit_name(variant) if engine.precision == "int8" else variant, name)] = engine
    notes = dict.fromkeys(engine.note for engine in lined_up.values() if engine.note)
    return lined_up, [*sentences, *notes]


def _eight_bit_name(variant: str) -> str:
    return "int8" if variant == "base" else f"{variant}, int8"


def right(engine: Engine, data: Dataset, batch_size: int = 64) -> Tensor:
    """Which test images an engine gets right, bool (n,); in smaller batches where the memory holds no larger."""
    try:
        parts = [engine(to_input(part)).argmax(1) for part in data.test.images.split(batch_size)]
        return torch.cat(parts) == data.test.labels
    except Exception as error:
        if batch_size == 1 or not is_out_of_memory(error):
            raise
    free_memory()
    return right(engine, data, batch_size // 2)


def accuracy(engine: Engine, data: Dataset, batch_size: int = 64) -> float:
    """The share (0 to 1) of the test images that an engine gets right."""
    return right(engine, data, batch_size).float().mean().item()


def measure_grid(
    lined_up: Mapping[tuple[str, str], Engine],
    data: Dataset,
    batches: Sequence[int] = (1, 8, 32, 128),
    *,
    seconds: float = 3.0,
) -> Grid:
    """Measure every engine at every batch size, alternating within a batch size.

    Args:
        lined_up: from `line_up`; the first is the baseline.
        data: its test images are what is predicted. batches: batch sizes.
        seconds: how long to measure each batch size, shared by all engines.

    Returns:
        The grid. An engine that runs out of memory at a batch size is left out there, and a note says so; without the
        baseline, or with nothing to set against it, the batch size is left out.

    Raises:
        ValueError: fewer than two engines, or no batch sizes.
    """
    if len(lined_up) < 2 or not batches:
        raise ValueError(f"a comparison needs two engines and a batch size; got {len(lined_up)} and {list(batches)}.")
    baseline = next(iter(lined_up))
    judged = {key: right(engine, data) for key, engine in lined_up.items()}
    images = to_input(data.test.images[: max(batches)])
    rows: list[Row] = []
    notes: list[str] = []
    for batch in sorted(set(batches)):
        x = take_batch(images, batch)
        fitting, problems = _that_fit(lined_up, x)
        notes += problems
        if baseline in fitting and len(fitting) > 1:
            rows += _measure_batch(fitting, judged, x, seconds)
        else:
            notes.append(f"Batch size {batch} is left out: there is no baseline, or nothing to compare with it.")
    return Grid(tuple(rows), tuple(notes))


def _that_fit(lined_up: Mapping[tuple[str, str], Engine], x: Tensor) -> tuple[dict[tuple[str, str], Engine], list[str]]:
    fitting = {key: engine for key, engine in lined_up.items() if _fits(engine, x)}
    problems = [
        f"{' · '.join(key)}: a batch of {len(x)} does not fit into the memory."
        for key in lined_up
        if key not in fitting
    ]
    if problems:
        free_memory()
    return fitting, problems


def _fits(engine: Engine, x: Tensor) -> bool:
    try:
        engine(x)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


def _measure_batch(
    fitting: Mapping[tuple[str, str], Engine], judged: Mapping[tuple[str, str], Tensor], x: Tensor, seconds: float
) -> list[Row]:
    gpus = [engine.where for engine in fitting.values() if engine.device == "cuda"]
    calls = {" · ".join(key): engine.on(x) for key, engine in fitting.items()}
    compared = timing.compare(calls, seconds=seconds, device=gpus[0] if gpus else "cpu")
    by_baseline = judged[next(iter(fitting))]
    rows = []
    for key, engine in fitting.items():
        name, by_this = " · ".join(key), judged[key]
        measured, verdict = compared.measurements[name], compared.verdicts.get(name)
        ratio, low, high = (verdict.ratio, verdict.low, verdict.high) if verdict else (1.0, 1.0, 1.0)
        rows.append(
            Row(
                *key, engine.device, engine.threads, len(x), by_this.float().mean().item(), len(by_this),
                engine.size_bytes, measured.median_ms, measured.p95_ms, len(x) / measured.median_ms * 1e3,
                str(verdict) if verdict else "the baseline", ratio, low, high,
                int((by_baseline & ~by_this).sum()), int((by_this & ~by_baseline).sum()),
            )
        )  # fmt: skip
    return rows
