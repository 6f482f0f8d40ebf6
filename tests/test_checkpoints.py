import copy
import json
import os
import sys
from dataclasses import replace

import pytest
import torch
from samples import dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import checkpoints, models, pruning, signs, training
from lessons_lib.datasets.split import Split

DATA = dataset()
NETWORKS = {
    "small": lambda: learnt("small"),
    "vgg": lambda: learnt("vgg"),
    "resnet": lambda: learnt("resnet"),
    "pruned vgg": lambda: pruning.remove_channels(learnt("vgg"), 0.5),
    "pruned resnet": lambda: pruning.remove_channels(learnt("resnet"), 0.5),
    "channels last": lambda: copy.deepcopy(learnt("small")).to(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())
def test_a_model_comes_back_as_it_was_with_its_card(tmp_path, make):
    model = make()
    path = tmp_path / "folder" / "model.safetensors"
    checkpoints.save(path, model, DATA, accuracy=0.875)
    loaded, card = checkpoints.load(path)
    assert same_weights({k: v.contiguous() for k, v in snapshot(model).items()}, snapshot(loaded))
    assert torch.equal(training.predict(loaded, DATA.test.images), training.predict(model, DATA.test.images))
    assert not loaded.training
    assert (card["accuracy"], card["dataset"], card["channels"]) == (0.875, "sample", 3)
    assert card["classes"] == list(DATA.classes)
    assert list(path.parent.iterdir()) == [path]


def test_the_file_is_plain_safetensors(tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoints.save(path, learnt("small"), DATA)
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert "card" in header["__metadata__"]
    assert header["head.weight"]["dtype"] == "F32"
    assert header["head.weight"]["shape"] == [4, 128]


def test_other_networks_are_refused_by_name(tmp_path):
    with pytest.raises(TypeError, match="networks of this course can be saved; this is a Linear"):
        checkpoints.save(tmp_path / "x", nn.Linear(2, 2), DATA)
    assert not list(tmp_path.iterdir())


def foreign(path):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path)


def another_shape(path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()["card"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    card["shape"]["widths"] = [8, 8, 8]
    save_file(tensors, path, {"card": json.dumps(card)})


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[:100_000]),
    "noise": lambda path: path.write_bytes(os.urandom(4000)),
    "a pickle": lambda path: torch.save({"x": torch.zeros(1)}, path),
    "no card": foreign,
    "another shape": another_shape,
}


@pytest.fixture(params=DAMAGE.values(), ids=DAMAGE.keys())
def damage(request):
    return request.param


def test_a_damaged_file_is_named_with_what_to_do(tmp_path, damage):
    path = tmp_path / "model.safetensors"
    checkpoints.save(path, learnt("small"), DATA)
    damage(path)
    with pytest.raises(ValueError, match=r"model.safetensors is not a whole checkpoint .*Delete it"):
        checkpoints.load(path)


def forbidden(model):
    raise AssertionError("nothing should be trained")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A model that ships: told from others by its bias."""
    path = tmp_path / "shipped.safetensors"
    monkeypatch.setattr(checkpoints, "shipped_path", lambda name: path)
    checkpoints.save(path, marked(7.0), DATA)
    return path


def marked(number):
    model = copy.deepcopy(learnt("small"))
    with torch.no_grad():
        model.head.bias.fill_(number)
    return model


def mark(model):
    return model.head.bias[0].item()


def test_your_own_model_comes_before_the_one_that_ships(shipped):
    checkpoints.save(checkpoints.own_path("small", DATA), marked(3.0), DATA)
    model, origin = checkpoints.trained("small", DATA, forbidden)
    assert mark(model) == 3
    assert origin == "The small network is your own, trained earlier."
    model, origin = checkpoints.trained("small", DATA, forbidden, prefer_own=False)
    assert mark(model) == 7
    assert origin == "The small network is the one that ships with the course."


def test_where_there_is_none_one_is_trained_and_kept(shipped):
    shipped.unlink()
    model, origin = checkpoints.trained("small", DATA, lambda model: model.head.bias.data.fill_(5))
    assert mark(model) == 5
    assert not model.training
    assert origin == "The small network was trained just now; it is kept for next time."
    again, origin = checkpoints.trained("small", DATA, forbidden)
    assert mark(again) == 5
    assert "your own" in origin


def test_what_is_trained_starts_from_the_seed(shipped):
    shipped.unlink()
    starts = []
    for seed in (0, 1):
        part = replace(DATA, name=f"seed {seed}")
        checkpoints.trained("small", part, lambda model: starts.append(snapshot(model)), seed=seed)
    assert same_weights(starts[1], snapshot(models.build("small", classes=4, seed=1)))
    assert not same_weights(starts[0], starts[1])


@pytest.mark.parametrize(
    "other",
    [
        replace(DATA, name="another"),
        replace(DATA, classes=("a", "b", "c", "d")),
        dataset(channels=1),
        dataset(classes=5),
    ],
    ids=["name", "class names", "channels", "classes"],
)
def test_a_model_for_other_data_is_not_taken(shipped, other):
    trained = []
    checkpoints.save(checkpoints.own_path("small", DATA), marked(3.0), DATA)
    model, _ = checkpoints.trained("small", other, trained.append)
    assert len(trained) == 1
    assert training.predict(model, other.test.images).shape == (40, len(other.classes))


def test_a_damaged_model_of_your_own_is_passed_over(shipped, damage):
    own = checkpoints.own_path("small", DATA)
    checkpoints.save(own, marked(3.0), DATA)
    damage(own)
    assert mark(checkpoints.trained("small", DATA, forbidden)[0]) == 7


def test_a_damaged_model_is_replaced_by_the_one_trained_now(shipped, damage):
    own = checkpoints.own_path("small", DATA)
    checkpoints.save(own, marked(3.0), DATA)
    damage(own)
    shipped.unlink()
    checkpoints.trained("small", DATA, lambda model: model.head.bias.data.fill_(5))
    assert mark(checkpoints.load(own)[0]) == 5


def test_a_training_that_was_stopped_is_not_kept(shipped):
    shipped.unlink()
    model, origin = checkpoints.trained("small", DATA, lambda model: training.History(loss=[1.0], finished=False))
    assert "stopped early, so it is not kept" in origin
    assert not model.training
    assert not checkpoints.own_path("small", DATA).exists()


def test_a_folder_that_cannot_be_written_is_told_and_not_fatal(shipped, tmp_path, monkeypatch):
    shipped.unlink()
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path / "file"))
    model, origin = checkpoints.trained("small", DATA, lambda model: None)
    assert isinstance(model, models.ConvNet)
    assert "cannot be written, so it is not kept" in origin


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_file_that_may_not_be_read_is_passed_over(shipped):
    own = checkpoints.own_path("small", DATA)
    checkpoints.save(own, marked(3.0), DATA)
    own.chmod(0)
    assert mark(checkpoints.trained("small", DATA, forbidden)[0]) == 7


def test_a_file_that_fails_on_reading_is_passed_over(shipped, monkeypatch):
    own = checkpoints.own_path("small", DATA)
    checkpoints.save(own, marked(3.0), DATA)
    read = checkpoints.load

    def load(path):
        if path == own:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(checkpoints, "load", load)
    assert mark(checkpoints.trained("small", DATA, forbidden)[0]) == 7


def test_data_with_a_path_in_its_name_gets_a_plain_file_name(learners_home):
    path = checkpoints.own_path("small", replace(DATA, name="folder:/photos/my cats"))
    assert path.parent == learners_home / "models"
    assert path.name.startswith("folder-small-")
    assert path != checkpoints.own_path("small", replace(DATA, name="folder:/photos/dogs"))


@pytest.mark.parametrize("name", ["small", "vgg"])
def test_a_shipped_network_is_as_good_on_freshly_rendered_signs_as_its_card_says(name):
    card = json.loads((checkpoints.shipped_path(name).parent / "card.json").read_text())
    promised = card["models"][name]["accuracy"]
    pixels, labels = signs.render(3_000, seed=987_654)
    fresh = Split(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels))
    found = training.accuracy(checkpoints.shipped(name), fresh)
    standard_error = (promised * (1 - promised) * (1 / card["test_images"] + 1 / len(fresh))) ** 0.5
    assert found == pytest.approx(promised, abs=4 * standard_error)


def test_the_shipped_networks_take_less_than_3_mb():
    assert sum(checkpoints.shipped_path(name).stat().st_size for name in ("small", "vgg")) < 3_000_000


def test_asking_for_a_network_that_does_not_ship_names_those_that_do():
    with pytest.raises(ValueError, match="small and vgg"):
        checkpoints.shipped("resnet")
