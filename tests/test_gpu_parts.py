"""The parts 06.low_precision, 07.sparsity and 09.energy of a machine record: on the CPU, and with kernels and counters made by hand."""

import importlib.util
import json

import pytest
import torch
from pretended_gpu import pretend
from samples import dataset, learnt

from lessons_lib import vit
from lessons_lib.energy import Counter
from lessons_lib.explained import NotHere
from lessons_lib.gpu_low_precision import convolutions, hardware, sweep
from lessons_lib.gpu_low_precision.hardware import Machine
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings
from lessons_lib.machine_record.parts import energy, low_precision, sparsity
from lessons_lib.pruning_study import gpu_sparsity

DATA = dataset(test=40)


class Prepared(Context):
    """A context whose data and network are at hand."""

    def data(self, *arguments, **named):
        return DATA

    def network(self, name="vgg"):
        return learnt(name)


def context(device="cpu", profile="smoke"):
    return Prepared(torch.device(device), profile, say=lambda text: None)


def through_json(findings):
    content = json.loads(json.dumps([findings.series, findings.facts, findings.notes]))
    return Findings(tuple(content[0]), content[1], tuple(content[2]))


# 06.low_precision


@pytest.mark.parametrize("torchao", [True, False])
def test_low_precision_is_measured_on_a_cpu_with_and_without_torchao(monkeypatch, torchao):
    if torchao and importlib.util.find_spec("torchao") is None:
        pytest.skip("torchao (extra gpu) is not installed")
    monkeypatch.setattr(hardware, "machine", lambda device: Machine(None, torchao, False))
    found = low_precision.measure(context())
    here = ["float32", "bfloat16"] + ["int8"] * torchao
    transformer = [one for one in found.series if one["network"] == "transformer"]
    assert [(one["batch"], one["precision"]) for one in transformer] == [(b, p) for b in (1, 4) for p in here]
    assert list(found.facts["relative_error"]) == here
    assert found.facts["relative_error"]["float32"] < 1e-5
    assert found.facts["answers_changed"]["float32"] == 0
    assert ("reach" in found.facts) is torchao
    assert any("torchao is not installed" in note for note in found.notes) is not torchao
    assert any(note.startswith("Compiled: ") for note in found.notes)
    captions = [table.caption for table in low_precision.tables(through_json(found))]
    assert len(captions) == 3 + torchao
    assert "unfolding writes its input out 9 times" in captions[-1]


def test_what_is_shown_from_a_file_is_what_is_shown_live():
    found = low_precision.measure(context())
    assert [repr(t) for t in low_precision.tables(through_json(found))] == [
        repr(t) for t in low_precision.tables(found)
    ]


def test_nothing_measured_is_no_table():
    for part in (low_precision, sparsity, energy):
        assert part.tables(Findings()) == []


def test_training_ends_with_its_time():
    data, model = dataset(), low_precision.vit.build("tiny", image_shape=(3, 16, 16), classes=4)
    assert low_precision.train(model, data.train.images, data.train.labels, steps=3, seconds=60) == 3
    assert low_precision.train(model, data.train.images, data.train.labels, steps=3, seconds=0) == 0


def test_only_what_is_worth_the_seconds_is_compiled(monkeypatch):
    asked = []

    def times(made, batches, shape, notes, *, compiled=False, **rest):
        asked.append((compiled, batches, list(made)))
        return []

    monkeypatch.setattr(hardware, "machine", lambda device: Machine((8, 0), False, True))
    monkeypatch.setattr(low_precision.sweep, "times", times)
    found = low_precision.measure(context())
    assert asked == [
        (False, (1, 4), ["float32", "TF32", "float16", "bfloat16"]),
        (True, (16,), ["float32", "bfloat16"]),
    ]
    assert any(note.startswith("fp8: needs a GPU of compute capability 8.9") for note in found.notes)


# 07.sparsity


def test_without_a_gpu_sparsity_is_a_sentence():
    found = sparsity.measure(context())
    assert (found.series, found.facts) == ((), {})
    assert found.notes == (gpu_sparsity.missing("cpu"),)


def test_every_layer_is_measured_and_what_does_not_run_is_told(monkeypatch):
    def refusing(pruned):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(gpu_sparsity, "missing", lambda device: None)
    monkeypatch.setattr(gpu_sparsity, "KERNELS", {"of the test": gpu_sparsity.dense, "absent": refusing})
    found = sparsity.measure(context())
    assert [(one["width"], one["batch"], one["kernel"]) for one in found.series] == [
        (256, 64, "dense"), (256, 64, "of the test"),
    ]  # fmt: skip
    assert found.notes == ("2:4 float16, absent: this kernel does not run here (no such kernel).",)
    (table,) = sparsity.tables(through_json(found))
    assert table.rows[0]["kernel"] == "of the test"
    assert found.facts["told"] in table.caption


def layer(against, **labels):
    return {"width": 1024, "batch": 64, "kind": "float16", "kernel": "cuSPARSELt", "against": against} | labels


def test_where_sparsity_loses_it_says_so():
    slower = layer("slower, 0.8x, 0.7 to 0.9")
    assert sparsity.told([layer("", kernel="dense"), slower]).startswith(
        "Skipping half of the weights is nowhere faster here"
    )
    told = sparsity.told(
        [slower, layer("faster, 1.62x, 1.58 to 1.66", width=4096), layer("cannot tell, 1.0x, 0.9 to 1.1")]
    )
    assert "faster in 1 of 3 cases, slower in 1; the most is 1.62 times (4096 x 4096, batch 64" in told


def test_every_size_of_a_profile_is_one_that_the_kernels_take():
    for profile in ("smoke", "quick", "full"):
        assert all(width % 128 == 0 and batch % 32 == 0 for width, batch, _ in sparsity.sizes(profile))


# 09.energy


def ticking(step_uj=10**6):
    readings = iter(range(0, 10**15, step_uj))
    return [Counter("meter", "cpu", lambda: next(readings), None)], ""


def test_energy_by_batch_where_the_cpu_counts():
    found = energy.measure(context(), lambda device: ticking())
    assert [(one["device"], one["precision"], one["batch"]) for one in found.facts["rows"]] == [
        ("cpu", "float32", 1), ("cpu", "float32", 8),
    ]  # fmt: skip
    assert all(one["joules"] == 1.0 for one in found.facts["rows"])
    (table,) = energy.tables(through_json(found))
    assert [row["counted by"] for row in table.rows] == ["meter", "meter"]


def test_energy_without_a_counter_is_a_sentence_for_each_device():
    found = energy.measure(context(), lambda device: ([], f"{device} counts nothing."))
    assert (found.facts, found.notes) == ({}, ("cpu counts nothing.",))


def test_a_gpu_beside_the_cpu_and_one_that_is_lost(monkeypatch):
    asked = []

    def counters(device):
        asked.append(device)
        return ticking()

    def lost(context, device, *rest):
        if device.type == "cuda":
            raise NotHere("The GPU no longer reports its energy.")
        return [{"device": "cpu"}]

    monkeypatch.setattr(energy, "of_device", lost)
    found = energy.measure(context("cuda:1"), counters)
    assert asked == ["cuda:1", "cpu"]
    assert (found.facts["rows"], found.notes) == ([{"device": "cpu"}], ("The GPU no longer reports its energy.",))


def test_a_gpu_is_asked_for_half_precision_and_for_larger_batches():
    assert set(energy.loads("quick", torch.device("cuda:0"))) == {
        (precision, batch) for precision in ("float32", "TF32", "float16") for batch in (1, 64, 1024)
    }
    assert list(energy.loads("quick", torch.device("cpu"))) == [("float32", 1), ("float32", 64)]


@pytest.mark.parametrize(("value", "words"), [(2.5, "2.5 J"), (0.0025, "2.5 mJ"), (2.5e-6, "2.5 µJ"), (0.0, "0 µJ")])
def test_energies_have_units(value, words):
    assert energy.joules(value) == words


# on a pretended GPU: every tensor has a place and a shape, and no numbers


@pytest.fixture
def on_it(monkeypatch):
    def attention(query, key, value):  # the real one asks the driver which kernels there are
        return torch.softmax(query @ key.transpose(-1, -2), -1) @ value

    monkeypatch.setattr(vit.functional, "scaled_dot_product_attention", attention)
    with pretend(monkeypatch), torch.no_grad():
        model = vit.VisionTransformer(16, 2, 32, 2, 2, classes=4).to("cuda:1")
        yield model, torch.empty(12, 3, 16, 16, dtype=torch.uint8)


@pytest.mark.parametrize("batches", [(1, 8)])
def test_on_a_gpu_every_tensor_of_the_sweep_is_where_it_is_needed(on_it, batches):
    (model, images), notes = on_it, sweep.Notes()
    made = sweep.in_precisions(model, ("float32", "TF32", "float16", "bfloat16"), notes)
    found = sweep.times(made, batches, (3, 16, 16), notes, seconds=0.02)
    chosen = sweep.answers(made, images, notes)
    assert notes.told == []
    assert len(found) == 4 * len(batches)
    assert {(len(one), str(one.device)) for one in chosen.values()} == {(12, "cpu")}


def test_on_a_gpu_every_tensor_of_a_load_is_where_it_is_needed(on_it):
    for precision in energy.PRECISIONS:
        energy.calling(on_it[0], torch.device("cuda:1"), precision, 4, context("cuda:1"))()


def test_on_a_gpu_a_convolution_and_its_input_are_on_it(on_it):
    conv = torch.nn.Conv2d(16, 8, 3, padding=1)
    images = torch.empty(2, 16, 8, 8)
    ready, x = convolutions._on(conv, images, torch.device("cuda:1"), "float16", channels_last=True)
    assert (ready(x).shape, str(x.device), x.dtype) == ((2, 8, 8, 8), "cuda:1", torch.float16)
    assert str(conv.weight.device) == "cpu"


# on a GPU


@pytest.mark.gpu
@pytest.mark.parametrize("part", [low_precision, sparsity, energy])
def test_on_a_gpu_each_part_measures_or_says_why_not(part):
    found = part.measure(context("cuda:0"))
    assert found.series or found.facts or found.notes
    assert part.tables(through_json(found)) or found.notes
    assert not [note for note in found.notes if "this failed here" in note]
