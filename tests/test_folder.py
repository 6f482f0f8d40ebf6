"""The learner's own images, as real folders are: unequal, odd and partly broken."""

import os
import sys
import unicodedata

import pytest
import torch
from PIL import Image

from lessons_lib import datasets

COLOURS = {"cat": (200, 20, 20), "dog": (20, 200, 20), "hen": (20, 20, 200)}


def fill(folder, count, colour, start=0, ending="png"):
    """Images of one colour, each a little different, as its one dark pixel tells."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        image = Image.new("RGB", (32, 32), colour)
        image.putpixel((number % 32, number // 32), (0, 0, 0))
        image.save(folder / f"{number}.{ending}")


def animals(root, count=20, classes=("cat", "dog", "hen")):
    for name in classes:
        fill(root / name, count, COLOURS[name])
    return root


def load(root, **wanted):
    return datasets.load(f"folder:{root}", **wanted)


def sizes(data):
    return [len(part) for part in (data.train, data.validation, data.test)]


def colours_fit(data) -> bool:
    """The brightest plane of each image is that of its class: labels and images belong together."""
    plane = {"cat": 0, "dog": 1, "hen": 2}
    parts = (data.train, data.validation, data.test)
    return all(
        image.float().mean(dim=(1, 2)).argmax() == plane[data.classes[label]]
        for part in parts
        for image, label in zip(part.images, part.labels, strict=True)
    )


def keys(data) -> list[bytes]:
    return [image.numpy().tobytes() for part in (data.train, data.validation, data.test) for image in part.images]


def test_a_folder_of_class_folders_is_divided_70_15_15_class_by_class(tmp_path):
    data = load(animals(tmp_path))
    assert data.classes == ("cat", "dog", "hen")
    assert data.image_shape == (3, 32, 32)
    assert sizes(data) == [42, 9, 9]
    assert data.test.labels.bincount().tolist() == [3, 3, 3]
    assert colours_fit(data)
    assert len(set(keys(data))) == 60
    assert data.notes == ()
    assert str(tmp_path) in data.provenance


def test_the_division_follows_the_seed(tmp_path):
    animals(tmp_path)
    first, again, other = (keys(load(tmp_path, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert set(first) == set(other)
    assert first[-9:] != other[-9:]


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "validation", "Testing"), ("TRAIN", "valid", "test")]
)
def test_folders_for_the_parts_are_used_as_they_are(tmp_path, names):
    for name, start, count in zip(names, (0, 100, 200), (12, 4, 6), strict=True):
        for animal in COLOURS:
            fill(tmp_path / name / animal, count, COLOURS[animal], start)
    data = load(tmp_path)
    assert sizes(data) == [36, 12, 18]
    assert colours_fit(data)
    assert len(set(keys(data))) == 66


@pytest.mark.parametrize(("there", "expected"), [("test", [51, 9, 15]), ("val", [51, 15, 9])])
def test_a_part_that_is_missing_is_taken_from_the_training_images(tmp_path, there, expected):
    animals(tmp_path / "train", 20)
    for animal in COLOURS:
        fill(tmp_path / there / animal, 5, COLOURS[animal], start=500)
    data = load(tmp_path)
    assert sizes(data) == expected
    assert len(set(keys(data))) == 75


def test_a_class_may_be_called_train(tmp_path):
    fill(tmp_path / "train", 10, COLOURS["cat"])
    fill(tmp_path / "plane", 10, COLOURS["dog"])
    assert load(tmp_path).classes == ("plane", "train")


@pytest.mark.parametrize("size", [16, 48, 224])
def test_images_have_the_size_that_was_asked_for(tmp_path, size):
    assert load(animals(tmp_path, 4), size=size).image_shape == (3, size, size)


def test_grey_images_alone_have_one_channel_and_one_coloured_image_makes_three(tmp_path):
    for name, level in (("dark", 60), ("light", 220)):
        fill(tmp_path / name, 10, (level, level, level))
    assert load(tmp_path).channels == 1
    Image.new("RGB", (32, 32), COLOURS["cat"]).save(tmp_path / "dark" / "coloured.png")
    assert load(tmp_path).channels == 3


def test_fewer_images_are_read_on_request_and_stay_balanced(tmp_path):
    data = load(animals(tmp_path, 40), train=30, validation=6, test=3)
    assert sizes(data) == [30, 6, 3]
    assert data.train.labels.bincount().tolist() == [10, 10, 10]


def test_more_images_than_there_are_gives_those_there_are_and_a_note(tmp_path):
    data = load(animals(tmp_path), train=5000, test=500)
    assert sizes(data) == [42, 9, 9]
    assert "5,000 images were asked for to train with; the folder has 42." in data.notes
    assert "500 images were asked for to test with; the folder has 9." in data.notes


def test_broken_files_are_named_and_passed_over(tmp_path):
    animals(tmp_path)
    (tmp_path / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    (tmp_path / "dog" / "empty.png").write_bytes(b"")
    (tmp_path / "dog" / "README").write_text("no image")
    data = load(animals(tmp_path))
    assert sum(sizes(data)) == 60
    assert len(data.notes) == 3
    for name in ("broken.jpg", "empty.png", "README"):
        assert sum(name in note for note in data.notes) == 1


def test_many_broken_files_do_not_fill_the_page(tmp_path):
    animals(tmp_path)
    for number in range(100):
        (tmp_path / "cat" / f"broken{number}.png").write_bytes(b"?")
    data = load(tmp_path)
    assert len(data.notes) < 15
    assert any("90 more files" in note for note in data.notes)


def test_what_is_no_image_is_counted_and_what_systems_leave_behind_is_not_mentioned(tmp_path):
    animals(tmp_path)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._1.png"):
        (tmp_path / "cat" / name).write_bytes(b"?")
    (tmp_path / ".git").mkdir()
    fill(tmp_path / "__MACOSX" / "cat", 3, COLOURS["cat"])
    for name in ("notes.txt", "more.txt", "labels.csv"):
        (tmp_path / "cat" / name).write_text("?")
    (tmp_path / "readme.md").write_text("beside the class folders")
    data = load(tmp_path)
    assert data.classes == ("cat", "dog", "hen")
    assert len(data.notes) == 1
    assert "1 .csv, 2 .txt" in data.notes[0]


def test_empty_class_folders_are_noted_and_are_no_class(tmp_path):
    (animals(tmp_path) / "bear").mkdir()
    (tmp_path / "wolf").mkdir()
    (tmp_path / "wolf" / "only.txt").write_text("?")
    data = load(tmp_path)
    assert data.classes == ("cat", "dog", "hen")
    assert sum("holds no images" in note for note in data.notes) == 2


def test_images_in_folders_within_a_class_folder_belong_to_the_class(tmp_path):
    animals(tmp_path, 10)
    fill(tmp_path / "cat" / "2024" / "may", 10, COLOURS["cat"], start=50)
    data = load(tmp_path)
    assert sum(sizes(data)) == 40
    assert colours_fit(data)


def test_names_in_any_script_and_with_spaces_are_kept(tmp_path):
    root = tmp_path / "Bilder für später"
    for name, colour in zip(("кошка", "犬", "l'élan & co"), COLOURS.values(), strict=True):
        fill(root / name, 5, colour)
    assert load(root).classes == tuple(sorted(["кошка", "犬", "l'élan & co"]))


def test_two_ways_of_writing_an_accent_are_one_class(tmp_path):
    for part, form in (("train", "NFC"), ("test", "NFD")):
        fill(tmp_path / part / unicodedata.normalize(form, "élan"), 10, COLOURS["cat"])
        fill(tmp_path / part / "dog", 10, COLOURS["dog"])
    assert load(tmp_path).classes == ("dog", unicodedata.normalize("NFC", "élan"))


def test_a_tilde_and_a_relative_path_are_followed(tmp_path, monkeypatch):
    animals(tmp_path / "mine", 5)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in ("~/mine", "mine", "./mine/", "mine/../mine"):
        assert sum(sizes(load(path))) == 15


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_are_followed_but_never_in_circles(tmp_path):
    fill(tmp_path / "elsewhere", 10, COLOURS["dog"])
    root = tmp_path / "mine"
    fill(root / "cat", 10, COLOURS["cat"])
    for link, target in (("dog", tmp_path / "elsewhere"), ("cat/loop", root / "cat"), ("cat/up", root)):
        (root / link).symlink_to(target, target_is_directory=True)
    (root / "cat" / "itself").symlink_to(root / "cat" / "itself")
    (root / "cat" / "nowhere.png").symlink_to(root / "gone.png")
    data = load(root)
    assert data.classes == ("cat", "dog")
    assert sum(sizes(data)) == 20


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_among_the_files_does_not_block(tmp_path):
    os.mkfifo(animals(tmp_path, 5) / "cat" / "pipe.png")
    assert sum(sizes(load(tmp_path))) == 15


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything can be read by root")
def test_a_folder_that_may_not_be_read_is_noted(tmp_path):
    locked = animals(tmp_path) / "cat" / "locked"
    locked.mkdir(mode=0)
    assert any("cannot be read" in note for note in load(tmp_path).notes)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda root: None, "no class folders with images"),
        (lambda root: fill(root, 5, COLOURS["cat"]), "no class folders with images"),
        (lambda root: (root / "cat").mkdir(), "no class folders with images"),
        (lambda root: fill(root / "cat", 20, COLOURS["cat"]), "only one class, 'cat'"),
        (lambda root: animals(root, 2), r"cat \(2\), dog \(2\), hen \(2\).*at least 3"),
        (lambda root: (animals(root / "train", 1), animals(root / "test", 5)), r"cat \(1\).*at least 2"),
        (
            lambda root: (animals(root / "train", 9, ("cat", "dog")), animals(root / "test", 5)),
            "test has the class hen",
        ),
    ],
)
def test_a_folder_that_cannot_be_learnt_from_says_what_is_wrong(tmp_path, build, message):
    build(tmp_path)
    with pytest.raises(ValueError, match=message):
        load(tmp_path)


def test_a_path_that_is_not_there_or_is_a_file_or_is_empty_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    for path, message in ((tmp_path / "gone", "no folder"), (tmp_path / "file", "is a file"), (" ", "Write the path")):
        with pytest.raises(ValueError, match=message):
            load(path)


def test_a_class_in_train_that_test_lacks_is_noted(tmp_path):
    animals(tmp_path / "train")
    animals(tmp_path / "test", 5, ("cat", "dog"))
    assert "There is no image to test with of hen." in load(tmp_path).notes


def test_three_images_a_class_are_enough_to_be_divided(tmp_path):
    assert sizes(load(animals(tmp_path, 3))) == [3, 3, 3]


def test_a_folder_of_broken_images_says_so(tmp_path):
    for name in COLOURS:
        (tmp_path / name).mkdir()
        for number in range(5):
            (tmp_path / name / f"{number}.png").write_bytes(b"?")
    with pytest.raises(ValueError, match="0 images of 0 classes could be read"):
        load(tmp_path)


def test_one_class_whose_images_are_all_broken_does_not_stop_the_others(tmp_path):
    animals(tmp_path)
    (tmp_path / "yak").mkdir()
    for number in range(5):
        (tmp_path / "yak" / f"{number}.png").write_bytes(b"?")
    data = load(tmp_path)
    assert data.train.labels.unique().tolist() == [0, 1, 2]
    assert "There is no image to train with of yak." in data.notes


def test_images_and_labels_are_tensors_of_the_promised_types(tmp_path):
    data = load(animals(tmp_path, 5))
    assert (data.train.images.dtype, data.train.labels.dtype) == (torch.uint8, torch.int64)
    assert data.train.images.is_contiguous()
    assert data.train.images.max() > 150
