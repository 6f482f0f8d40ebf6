"""What people say about the price of training and of inference, held against what was measured here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from lessons_lib import checkpoints
from lessons_lib.datasets.split import Dataset
from lessons_lib.step_cost import Costs
from lessons_lib.timing.table import duration
from lessons_lib.transfer.claim import Judgement

FAR_MORE = 10.0  # times: what the claim's "far more memory" is taken to mean
MANY_VISITS = 2.0


@dataclass(frozen=True)
class TrainingRun:
    """How long a model was trained: images that were passed, repeats included, and how often each was seen."""

    images: int
    visits: float

    def seconds(self, costs: Costs) -> float:
        """How long the run takes at the speed of the step that was measured here."""
        return self.images / costs.batch * costs.step.time.median_ms / 1e3


def training_run(name: str, data: Dataset, steps: int, batch_size: int = 64) -> TrainingRun:
    """How the lesson's network was trained: the shipped one by its card, another by the lesson's own recipe.

    Args:
        name: of the network. data: what it was trained on. steps, batch_size: of the recipe.
    """
    card = json.loads(checkpoints.shipped_path(name).with_name("card.json").read_text(encoding="utf-8"))
    if data.name == "road_signs" and name in card["models"]:
        visits = card["models"][name]["epochs"]
        return TrainingRun(round(card["train_images"] * visits), visits)
    return TrainingRun(steps * batch_size, steps * batch_size / len(data.train))


def takes_milliseconds(latencies_ms: Mapping[str, float]) -> Judgement:
    """The claim "a single prediction takes milliseconds", by the median latency of each engine: 1 to 100 ms.

    Raises:
        ValueError: no engines.
    """
    if not latencies_ms:
        raise ValueError("there are no latencies to judge by: run the cell that collects them first.")
    told = ", ".join(f"{name} {duration(ms)}" for name, ms in latencies_ms.items())
    within = [name for name, ms in latencies_ms.items() if 1 <= ms < 100]
    if len(within) == len(latencies_ms):
        return Judgement("holds", told)
    if within:
        return Judgement("holds only if", f"the engine is {' or '.join(within)}; medians: {told}")
    fast = all(ms < 1 for ms in latencies_ms.values())
    return Judgement("does not hold here", f"it takes {'less than one' if fast else 'something else'}: {told}")


def always_faster(costs: Costs, run: TrainingRun) -> Judgement:
    """The claim "inference is always faster than training": for one step it may be; for a service nobody stops counting."""
    ratio = f"a training step takes {costs.interval} times as long as predicting the same {costs.batch} images"
    if costs.verdict.word != "slower":
        return Judgement("does not hold here" if costs.verdict.word == "faster" else "cannot tell", ratio)
    even = round(run.seconds(costs) / (costs.one.time.median_ms / 1e3))
    return Judgement(
        "holds only if",
        f"one step is compared with one prediction: {ratio}. The whole training would take {run.seconds(costs):,.0f} s here, and after "
        f"{_about(even)} single predictions, inference has taken longer",
    )


def needs_far_more(costs: Costs, run: TrainingRun) -> Judgement:
    """The claim "training visits the data many times and needs far more memory than inference"."""
    alone = costs.step.memory_bytes / costs.one.memory_bytes
    same, images = costs.times_the_memory, f"the same {costs.batch} images"
    visits = f"each training image was visited {run.visits:.3g} times"
    meant = f"“far more” is taken to mean at least {FAR_MORE:g} times, and {visits}"
    if alone < FAR_MORE and same < FAR_MORE:
        told = f"a step takes {same:.1f} times the memory of predicting {images}, {alone:.1f} times that of predicting one; {meant}"
        return Judgement("does not hold here", told)
    if run.visits < MANY_VISITS:
        told = f"one speaks of memory alone, {alone:.0f} times that of predicting one image; {meant}"
        return Judgement("holds only if", told)
    if same < FAR_MORE:
        told = (
            f"compared with predicting one image ({alone:.0f} times); against {images} it is {same:.1f} times; {meant}"
        )
        return Judgement("holds only if", told)
    told = f"{same:.1f} times the memory of predicting {images}, {alone:.0f} times that of predicting one; {meant}"
    return Judgement("holds", told)


def delays_hurt(*told: str) -> Judgement:
    """The claim "100 ms of delay already hurt, autonomous systems want less than 1 ms": no model can say what people need.

    Args:
        told: what the latencies say of each deadline, in sentences.
    """
    return Judgement(
        "cannot be tested here", f"what a person or a vehicle needs is not in these samples. {' '.join(told)}"
    )


def in_bold(judgement: Judgement) -> str:
    """A verdict for a text in Markdown: the word in bold print, then the reason."""
    return f"**{judgement.word}**: {judgement.reason}"


def _about(count: int) -> str:
    """Two digits of a large number."""
    digits = max(0, len(str(count)) - 2)
    return f"about {round(count, -digits):,}" if digits else str(count)
