"""What the measurements of lesson 06 say, in tables and in sentences that are true whatever came out."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from lessons_lib.paired_answers import change
from lessons_lib.quantization import Mixture, Score, Trial, layers, short_names
from lessons_lib.tables import Table

Trials = Mapping[tuple[int, str], Trial]
MIXED_SCHEME = "symmetric, per channel"  # in which the mixtures of the lesson are stored


def kib(size_bytes: float) -> str:
    """Bytes in KiB, such as "92.7 KiB"."""
    return f"{size_bytes / 1024:.1f} KiB"


def against(float32: Score, other: Score) -> str:
    """How answers differ from those of float32 on the same images: "worse, -1.20 points, -1.9 to -0.5"."""
    return str(change(float32.right, other.right))


def accuracies(trials: Trials) -> dict[str, dict[float, list[float]]]:
    """Accuracy in per cent by scheme and bits, for `plots.bands`."""
    found: dict[str, dict[float, list[float]]] = {}
    for (bits, scheme), trial in trials.items():
        found.setdefault(scheme, {})[bits] = [100 * trial.score.accuracy]
    return found


def fewest_bits(trials: Trials, float32: Score) -> dict[str, int]:
    """By scheme, how far one can go down from the most bits before answers get worse than those of float32."""
    found: dict[str, int] = {}
    for scheme in dict.fromkeys(scheme for _, scheme in trials):
        for bits in sorted((b for b, s in trials if s == scheme), reverse=True):
            if change(float32.right, trials[bits, scheme].score.right).word == "worse":
                break
            found[scheme] = bits
    return found


def sweep_told(trials: Trials, float32: Score) -> str:
    """Where each scheme breaks, in sentences."""
    if not trials:
        return "No trial was finished: run the cell above."
    fewest = fewest_bits(trials, float32)
    schemes = dict.fromkeys(scheme for _, scheme in trials)
    parts = [
        f"{scheme}: **{fewest[scheme]} bits**" if scheme in fewest else f"{scheme}: worse at any number of bits"
        for scheme in schemes
    ]
    return (
        f"On {len(float32.right):,} test images one can go down to so many bits before the answers are worse than those of float32, "
        f"beyond chance: {'; '.join(parts)}."
    )


def scores_table(scores: Mapping[str, Score], float32: Score, caption: str, what: str) -> Table:
    """A row for each way: accuracy, and the paired difference to float32."""
    rows = [{what: "float32", "accuracy": f"{float32.accuracy:.1%}", "against float32, same images": ""}]
    for name, score in scores.items():
        told = against(float32, score)
        rows.append({what: name, "accuracy": f"{score.accuracy:.1%}", "against float32, same images": told})
    return Table(caption, rows)


def best_and_worst(scores: Mapping[str, Score]) -> str:
    """Which way is best and which is worst, and whether that can be told; in a sentence."""
    order = sorted(scores, key=lambda name: scores[name].accuracy)
    worst, best = order[0], order[-1]
    verdict = change(scores[worst].right, scores[best].right)
    if verdict.word == "cannot tell":
        return "the ways cannot be told apart on these images"
    return f"**{best}** is best ({scores[best].accuracy:.1%}) and **{worst}** worst ({scores[worst].accuracy:.1%})"


def harmful(scores: Mapping[str, Score]) -> str:
    """Which sets made the answers worse than the first did; in a sentence."""
    first, *others = scores
    worse = [name for name in others if change(scores[first].right, scores[name].right).word == "worse"]
    told = "; ".join(f"{name}: {100 * (scores[name].accuracy - scores[first].accuracy):+.1f} points" for name in worse)
    if not worse:
        return f"None of the other sets did worse than *{first}*, as far as these images can tell."
    return f"Worse than *{first}* are: {told}. " + (
        "The others cannot be told apart from it." if len(worse) < len(others) else ""
    )


def sufficed(*by_bits: Mapping[str, Score]) -> str:
    """Which sets did no visible harm with any number of bits, against the first set; in a sentence.

    Args:
        by_bits: scores by name such as "noise, 8 bits", the same sets in the same order, one mapping for each number of bits.
    """
    harmless = [
        names[0].rsplit(", ", 1)[0]
        for names in list(zip(*by_bits, strict=True))[1:]
        if all(
            change(scores[next(iter(scores))].right, scores[name].right).word != "worse"
            for scores, name in zip(by_bits, names, strict=True)
        )
    ]
    if not harmless:
        return "Each of the wrong sets did visible harm."
    return (
        f"No visible harm was done here by: {', '.join(harmless)}. That this sufficed is luck one should not rely on."
    )


def sensitivity_table(scores: Mapping[str, Score], float32: Score, model: nn.Module, caption: str) -> Table:
    """A row for each layer, the most sensitive first: what happens where it alone is stored in few bits."""
    names, found = short_names(model), layers(model)
    every = sum(layer.weight.numel() for layer in found.values())
    rows = [
        {
            "layer": names[name],
            "in the network": name,
            "share of the weights": f"{found[name].weight.numel() / every:.0%}",
            "loss": f"{score.loss - float32.loss:+.4f}",
            "accuracy": f"{score.accuracy:.1%}",
            "against float32, same images": against(float32, score),
        }
        for name, score in scores.items()
    ]
    return Table(caption, rows)


def mixture_table(found: Sequence[Mixture], float32: Score, model: nn.Module, caption: str) -> Table:
    """A row for each number of layers that keep more bits."""
    names = short_names(model)
    rows = [
        {
            "layers with more bits": ", ".join(names[name] for name in one.kept) or "none",
            "size": kib(one.size_bytes),
            "accuracy": f"{one.score.accuracy:.1%}",
            "against float32, same images": against(float32, one.score),
        }
        for one in found
    ]
    return Table(caption, rows)


def smallest_as_good(found: Sequence[Mixture], float32: Score, model: nn.Module) -> str:
    """The smallest mixture whose answers are not worse than those of float32, in a sentence."""
    names = short_names(model)
    good = [one for one in found if change(float32.right, one.score.right).word != "worse"]
    if not good:
        return "Every mixture answers worse than float32, beyond chance."
    best = min(good, key=lambda one: one.size_bytes)
    kept = ", ".join(names[name] for name in best.kept)
    which = f"the one that keeps more bits in {kept}" if best.kept else "the one with few bits everywhere"
    return f"The smallest mixture that does not answer worse than float32, beyond chance, is {which}: {kib(best.size_bytes)}, {best.score.accuracy:.1%}."


def mixing_told(found: Sequence[Mixture], trials: Trials, float32: Score) -> str:
    """What mixing saves against the same number of bits everywhere, with a scale per channel; in a sentence.

    Each side is the smallest that does not answer worse than float32, beyond chance.
    """
    mixtures = [one for one in found if change(float32.right, one.score.right).word != "worse"]
    same = [t for (_, scheme), t in trials.items() if scheme == MIXED_SCHEME]
    uniform = [trial for trial in same if change(float32.right, trial.score.right).word != "worse"]
    if not mixtures or not uniform:
        return "So there is nothing to set against the same number of bits everywhere."
    mixture = min(mixtures, key=lambda one: one.size_bytes)
    plain = min(uniform, key=lambda one: one.size_bytes)
    saved = plain.size_bytes - mixture.size_bytes
    buys = f"here mixing buys {kib(saved)}" if round(saved / 1024, 1) > 0 else "here mixing buys nothing"
    return (
        f"For comparison, {plain.qtype.bits} bits everywhere, {plain.qtype.scheme}, from the sweep above: {kib(plain.size_bytes)}, "
        f"{plain.score.accuracy:.1%}; {buys}."
    )


def agreement(mine: Tensor, engine: Tensor) -> str:
    """Do two tensors of whole numbers agree? In a sentence."""
    difference = (mine.int() - engine.int()).abs()
    if not difference.any():
        return f"all {mine.numel():,} numbers are the same"
    differ = int((difference > 0).sum())
    return f"{differ:,} of {mine.numel():,} numbers differ, by {int(difference.max())} at most"


def saturation_table(cut: Mapping[str, Mapping[str, float]], model: nn.Module) -> Table:
    """By setting and layer, the share of the sums of pairs that do not fit into 16 bits."""
    names = short_names(model)
    rows = [
        {"weights": setting} | {names[name]: f"{share:.3%}" for name, share in shares.items()}
        for setting, shares in cut.items()
    ]
    return Table("Sums of two products that do not fit into 16 bits", rows)
