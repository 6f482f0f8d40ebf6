"""Winning back with training what few bits lose, and the control that shows what the training alone would have won."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lessons_lib import quantization
from lessons_lib.datasets.split import Dataset
from lessons_lib.paired import Effect, effect
from lessons_lib.paired_answers import change
from lessons_lib.quantization import Judge, QType, Score
from lessons_lib.tables import Table
from lessons_lib.training import Recipe, train

AFTERWARDS, CONTROL, AWARE = "quantized afterwards", "trained on, then quantized", "trained with few bits"
WAYS = (AFTERWARDS, CONTROL, AWARE)
Found = Mapping[int, Mapping[str, Score]]  # by seed and way


@dataclass(frozen=True)
class FewBits:
    """What is kept of the weights, and of the inputs of the layers; and how the ranges of the inputs are found."""

    weights: QType
    input_bits: int
    calibration: str = "percentile"

    def __str__(self) -> str:
        return f"weights {self.weights}; inputs of the layers {self.input_bits} bits, {self.calibration}"


def recipe(steps: int, rate: float = 0.01) -> Recipe:
    """A short training on: small steps, since the network is trained already."""
    return Recipe(steps=steps, peak_rate=rate, batch_size=64, weight_decay=1e-4)


def prepared(model: nn.Module, bits: FewBits, calibration: Tensor) -> nn.Module:
    """A copy that sees weights and inputs through few bits: calibrated, not trained.

    Args:
        model: trained, its batch norms folded, on the CPU. calibration: float32 (n, c, h, w).
    """
    values = quantization.inputs_of(model, calibration.split(64))
    inputs = quantization.calibrate(values, bits.input_bits, bits.calibration)
    return quantization.fake_quantized(model, bits.weights, inputs)


def compare_ways(
    model: nn.Module,
    data: Dataset,
    bits: FewBits,
    calibration: Tensor,
    judge: Judge,
    plan: Recipe,
    *,
    seeds: Iterable[int] = (0,),
    device: str | torch.device = "cpu",
) -> dict[int, dict[str, Score]]:
    """Quantize afterwards; train on, then quantize; train with few bits. The two trainings see the same images in the same order.

    Args:
        model: trained, its batch norms folded. judge: gives the score of a network. plan: of both trainings.

    Returns:
        By seed and way. An interrupt ends it; seeds whose three ways are finished are kept.
    """
    found: dict[int, dict[str, Score]] = {}
    without = judge(prepared(model, bits, calibration))
    for seed in seeds:
        control, aware = copy.deepcopy(model), prepared(model, bits, calibration)
        for network in (control, aware):
            history = train(network, data, plan, device=device, seed=seed, evaluate_every=plan.steps)
            network.cpu()
            if not history.finished:
                print(f"Stopped in seed {seed}; what was finished before is kept.")
                return found
        found[seed] = {
            AFTERWARDS: without,
            CONTROL: judge(prepared(control, bits, calibration)),
            AWARE: judge(aware),
        }
    return found


def table(found: Found, float32: Score, caption: str) -> Table:
    """A row for each way: its accuracy by seed, and what is missing to float32."""
    rows = [{"network": "float32, as it was", "accuracy": f"{float32.accuracy:.1%}", "to float32, points": ""}]
    for way in WAYS if found else ():
        shares = [scores[way].accuracy for scores in found.values()]
        shown = shares[:1] if way == AFTERWARDS else shares  # that one has no seed
        rows.append(
            {
                "network": way,
                "accuracy": ", ".join(f"{share:.1%}" for share in shown),
                "to float32, points": f"{100 * (_mean(found, way) - float32.accuracy):+.1f}",
            }
        )
    return Table(caption, rows)


def aware_against_control(found: Found, images: int) -> Effect:
    """What training with few bits brings beyond training on, seed by seed."""
    control, aware = ({seed: scores[way].accuracy for seed, scores in found.items()} for way in (CONTROL, AWARE))
    return effect(control, aware, grain=1 / images)


def told(found: Found, float32: Score) -> str:
    """Did it win back what was lost, and was it the few bits or only the training? In three sentences."""
    if not found:
        return "No training was finished: run the cell above to its end."
    first = found[min(found)]
    afterwards, control, aware = (_mean(found, way) for way in WAYS)
    lost = float32.accuracy - afterwards
    if change(float32.right, first[AFTERWARDS].right).word != "worse":
        return "Quantizing afterwards lost nothing here that these images could show, so there is nothing to win back."
    words = f"Quantizing afterwards cost {100 * lost:.1f} points. Training with few bits {_brought(aware - afterwards, lost)}; "
    words += f"training on without them, then quantizing, {_brought(control - afterwards, lost)}. "
    return words + _between(found, float32)


def _brought(gain: float, lost: float) -> str:
    if gain <= 0:
        return f"won nothing back ({100 * gain:+.1f} points)"
    if gain < lost:
        return f"won back {100 * gain:.1f} of them"
    more = f" and {100 * (gain - lost):.1f} more" if gain - lost >= 0.0005 else ""
    return f"won back all {100 * lost:.1f} points{more}"


def _between(found: Found, float32: Score) -> str:
    first = found[min(found)]
    if len(found) >= 3:
        verdict = aware_against_control(found, len(float32.right))
        return f"Few bits during the training against training alone, over {len(found)} seeds: **{verdict}**."
    verdict_of_one = change(first[CONTROL].right, first[AWARE].right)
    return (
        f"Few bits during the training against training alone, on the same {verdict_of_one.images:,} images: "
        f"**{verdict_of_one}** (one training each: another seed may differ)."
    )


def _mean(found: Found, way: str) -> float:
    return sum(scores[way].accuracy for scores in found.values()) / len(found)
