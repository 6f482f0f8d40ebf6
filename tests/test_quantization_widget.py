"""The widget and the picture of lesson 06, driven through real messages."""

import pytest
import torch
from front import VIEW
from samples import Outline

from lessons_lib import plots
from lessons_lib.explained import NotHere
from lessons_lib.quantization import weight_type
from lessons_lib.widgets.quantization import bits_explorer

SHOW = """
import torch
from torch import nn
from lessons_lib import quantization
from lessons_lib.widgets.quantization import bits_explorer

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(36, 2))
images, labels = torch.rand(20, 3, 5, 5), torch.arange(20) % 2
judged = []
def judge(network):
    judged.append(1)
    return quantization.score(network(images).detach(), labels)
trials = quantization.sweep(model, judge, bits=(8, 4, 2))
bits_explorer(model, trials, 0.5, quantization.size_bytes(model))
"""


def test_bits_scheme_and_layer_change_sentence_and_picture_and_nothing_is_computed(front):
    bundle = front.run(SHOW)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert bundle["text/plain"].count("of the test images right") == 12
    assert front.options("bits") == ["2", "4", "8"]
    assert front.options("layer") == ["conv 1", "linear 2"]
    for bits, scheme, layer in (
        ("2", "symmetric, per tensor", "conv 1"),
        ("8", "asymmetric, per channel", "linear 2"),
        ("4", "symmetric, per channel", "conv 1"),
    ):
        front.choose("bits", bits)
        front.choose("scheme", scheme)
        front.choose("layer", layer)
        sentence = front.readout("bits-readout")
        assert sentence.startswith(f"{bits} bits, {scheme}, {layer}: {2 ** int(bits)} values can be stored")
        picture = Outline(front.of_class("bits-picture")["value"])
        assert picture.all("img")[0]["alt"] == sentence
        assert picture.all("table")
    assert front.value("len(judged)") == 12


def test_without_trials_there_is_nothing_to_explore():
    with pytest.raises(NotHere, match="run the cell that makes them first"):
        bits_explorer(torch.nn.Linear(2, 2), {}, 0.5, 100)


def test_the_picture_names_the_finest_and_the_coarsest_channel():
    weight = torch.stack([torch.linspace(-1, 1, 9), torch.linspace(-4, 4, 9)])
    rows = plots.levels(weight, weight_type(3), title="weights").table.rows
    assert [row["row"].strip() for row in rows] == ["finest", "coarsest"]
    assert [row["step"] for row in rows] == ["0.3333", "1.333"]
    alone = plots.levels(weight, weight_type(3, "asymmetric, per tensor"), title="weights")
    assert "8 values, 1.14 apart" in alone.alt
