"""Lesson 06: choose bits, scheme and layer; the accuracy was measured before and is looked up."""

from collections.abc import Mapping

from torch import nn

from lessons_lib import plots
from lessons_lib.explained import NotHere
from lessons_lib.quantization import Trial, layers, short_names
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets
from lessons_lib.widgets.keyboard import choice

Trials = Mapping[tuple[int, str], Trial]


def describe(trial: Trial, name: str, layer: str, float32_accuracy: float, float32_bytes: int) -> str:
    """What one way to store the weights does to a layer, and to the whole network, in two sentences.

    Args:
        trial: from `quantization.sweep`. name: what to call the layer. layer: its name in the network.
    """
    qtype = trial.qtype
    each = "" if qtype.axis is None else " in each filter"
    return (
        f"{qtype.bits} bits, {qtype.scheme}, {name}: {2**qtype.bits} values can be stored{each}, and rounding moves this weight by "
        f"{trial.errors[layer]:.1%} of its size. With all layers stored like this: {trial.score.accuracy:.1%} of the test images "
        f"right (float32: {float32_accuracy:.1%}), {trial.size_bytes / 1024:,.0f} KiB ({float32_bytes / 1024:,.0f} KiB)."
    )


def bits_explorer(model: nn.Module, trials: Trials, float32_accuracy: float, float32_bytes: int) -> None:
    """A slider over bits, buttons for scheme and layer; a sentence, and the weights with the values that are left.

    Args:
        model: that the trials started from. trials: from `quantization.sweep`.
        float32_accuracy, float32_bytes: of `model`.

    Raises:
        NotHere: no trials.
    """
    if not trials:
        raise NotHere("There are no trials to look at: run the cell that makes them first.")
    names = short_names(model)
    sentences = {
        (key, layer): describe(trial, name, layer, float32_accuracy, float32_bytes)
        for key, trial in trials.items()
        for layer, name in names.items()
    }
    heaviest = max(names, key=lambda layer: layers(model)[layer].weight.numel())
    text = "\n".join(sentences[key, heaviest] for key in trials)
    if not have_widgets():
        print(text)
        return
    import ipywidgets

    bits = ipywidgets.SelectionSlider(
        options=sorted({count for count, _ in trials}), description="bits", layout={"width": "24em"}
    )
    bits.value = min(bits.options, key=lambda count: abs(count - 4))
    scheme = choice("scheme", list(dict.fromkeys(one for _, one in trials)))
    layer = choice("layer", [(name, layer) for layer, name in names.items()])
    layer.value = heaviest

    def say(bits: int, scheme: str, layer: str) -> str:
        return sentences.get(((bits, scheme), layer), "This trial was not finished.")

    def draw(bits: int, scheme: str, layer: str) -> str:
        if (bits, scheme) not in trials:
            return ""
        weight, title = layers(model)[layer].weight, f"weights of {names[layer]}"
        return plots.levels(weight, trials[bits, scheme].qtype, title=title, alt=say(bits, scheme, layer))._repr_html_()

    explorer([bits, scheme, layer], say, draw, name="bits", text=text)
