"""A network of the learner's own is measured like any other, and one that cannot be is a sentence."""

import pytest
import torch
from samples import dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import checkpoints, engines, models, onnx_graph
from lessons_lib.capstone import measuring, practice, trial
from lessons_lib.capstone.candidates import Candidate
from lessons_lib.explained import Mistake

DATA = dataset()


class Mine(nn.Module):
    """Calls its input neither x nor input, and is a class that no other process knows."""

    def __init__(self):
        super().__init__()
        self.look = nn.Conv2d(3, 8, 3, stride=2)
        self.name_it = nn.Linear(8 * 49, 4)

    def forward(self, pictures):
        return self.name_it(torch.relu(self.look(pictures)).flatten(1))


class Undecided(Mine):
    def forward(self, pictures):
        return super().forward(-pictures if pictures.mean() < 0 else pictures)


def a_sequence():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 49, 4))


@pytest.mark.parametrize("make", [a_sequence, Mine])
def test_an_own_network_is_measured_on_every_engine(make):
    model = make().train()
    before = snapshot(model)
    names = [name for name in engines.CPU_NAMES if not engines.missing(name)]
    wanted = [Candidate("mine", name, batch) for name in names for batch in (1, 5)]
    found = measuring.measure(wanted, {"base": learnt("small"), "mine": model}, DATA, seconds=0.1)
    assert [one.problem for one in found] == [""] * len(found)
    assert all(one.size_bytes and one.memory_bytes for one in found)
    by_name = {one.candidate: one for one in found}
    eager, graph = (by_name[Candidate("mine", name)] for name in ("eager", "ONNX Runtime"))
    assert eager.accuracy == graph.accuracy
    assert models.size_bytes(model) < eager.size_bytes < models.size_bytes(model) + 50_000
    assert graph.memory_bytes < 0.6 * eager.memory_bytes, "the fresh process ran PyTorch"
    assert model.training
    assert same_weights(before, snapshot(model))


def test_a_program_answers_as_the_network_does_whatever_the_batch(tmp_path):
    model, images = Mine().eval(), torch.rand(7, 3, 16, 16)
    checkpoints.save_program(tmp_path / "model.pt", model, (3, 16, 16))
    assert torch.allclose(checkpoints.load_program(tmp_path / "model.pt")(images), model(images), atol=1e-6)


def test_only_the_classes_of_the_course_can_be_built_again_from_their_weights():
    class Other(models.ConvNet):
        """Has the shape of a ConvNet, and might answer otherwise."""

    assert checkpoints.is_of_the_course(learnt("small"))
    assert checkpoints.is_of_the_course(learnt("resnet"))
    assert not checkpoints.is_of_the_course(Other((4,), (False,)))


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (3, "'mine' should be a network, a torch.nn.Module; it is of type int"),
        (nn.Linear(2, 2), "'mine' cannot answer 1 image, float32 (1, 3, 16, 16): RuntimeError: mat1 and mat2"),
        (nn.Flatten(), "'mine' answers 1 image with (1, 768); (1, 4) is needed, a logit for each of the 4 classes"),
        (nn.Sequential(nn.Flatten(0), nn.Unflatten(0, (1, 768)), nn.Linear(768, 4)), "'mine' cannot answer 3 images"),
        (nn.LSTM(16, 4), "'mine' cannot answer 1 image"),
    ],
)
def test_a_network_that_cannot_be_shipped_is_named_before_anything_is_measured(network, told):
    with pytest.raises(Mistake) as caught:
        trial.check_networks({"base": learnt("small"), "mine": network}, DATA)
    assert told in str(caught.value)


def test_what_pytorch_cannot_export_is_a_sentence_without_colours(capfd):
    with pytest.raises(Mistake, match="This Undecided cannot be written as an ONNX graph") as caught:
        onnx_graph.export(Undecided(), (3, 16, 16))
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "data-dependent" in str(caught.value)
    with pytest.raises(Mistake, match=r"The network 'yours' cannot be made ready for ONNX Runtime\. This Undecided"):
        measuring.build([Candidate("yours", "ONNX Runtime")], {"yours": Undecided()}, DATA)
    assert capfd.readouterr() == ("", "")


def test_an_own_network_can_be_handed_in():
    base, _ = practice.material()
    mine = nn.Sequential(base.blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), base.head)
    judged = practice.ship(mine, "ONNX Runtime int8", 1)
    assert [line.budget for line in judged.missed if not line.clocked] == ["size"], judged.sentence()
