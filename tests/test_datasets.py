"""`load`: the same kind of thing comes out whatever goes in, from official files that were checked."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from file_server import published, serving

from lessons_lib import datasets, signs
from lessons_lib.datasets import cifar10, fashion_mnist, road_signs
from lessons_lib.datasets.cache import DatasetUnavailable
from lessons_lib.datasets.split import Dataset, Split, balanced_order, resized

ROOT = Path(__file__).parents[1]
TEST_DATA = Path(os.environ.get("LESSONS_TEST_DATA") or ROOT.parent / "shared" / "data")
RECORDS = 40  # in each batch of the stand-in for CIFAR-10


def keys(split: Split) -> set[bytes]:
    return {image.numpy().tobytes() for image in split.images}


def disjoint(data: Dataset) -> bool:
    parts = [keys(part) for part in (data.train, data.validation, data.test)]
    return len(set.union(*parts)) == sum(len(part) for part in parts)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """LESSONS_DATA and LESSONS_HOME in a folder of the test's own."""
    monkeypatch.setenv("LESSONS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_a_split_refuses_what_is_no_image():
    labels = torch.zeros(2, dtype=torch.int64)
    for images in (torch.zeros(2, 3, 16, 16), torch.zeros(2, 2, 16, 16, dtype=torch.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            Split(images, labels)
    with pytest.raises(ValueError, match="int64"):
        Split(torch.zeros(3, 1, 16, 16, dtype=torch.uint8), labels)


@pytest.mark.parametrize("counts", [[100, 100, 100], [400, 40, 10], [1, 1, 50]])
def test_any_stretch_of_the_order_has_the_classes_in_proportion(counts):
    labels = np.repeat(np.arange(3), counts)
    order = balanced_order(labels, seed=0)
    assert sorted(order) == list(range(len(labels)))
    for stretch in (order[: len(order) // 3], order[-len(order) // 4 :], order[10:40]):
        expected = np.array(counts) / len(labels) * len(stretch)
        assert np.abs(np.bincount(labels[stretch], minlength=3) - expected).max() <= 2


def test_the_order_follows_the_seed():
    labels = np.repeat(np.arange(4), 25)
    assert np.array_equal(balanced_order(labels, 1), balanced_order(labels, 1))
    assert not np.array_equal(balanced_order(labels, 1), balanced_order(labels, 2))


def test_shrinking_is_smooth_and_constant_pictures_stay_constant():
    checkerboard = (torch.arange(64)[:, None] + torch.arange(64)[None]) % 2 * 255
    images = torch.stack([checkerboard, torch.full((64, 64), 77)])[:, None].to(torch.uint8)
    small = resized(images, 16)
    assert small.shape == (2, 1, 16, 16)
    assert (small[0].float() - 127.5).abs().max() < 3
    assert (small[1] == 77).all()
    assert (resized(images, 100)[1] == 77).all()


def test_road_signs_are_the_default_and_come_from_the_renderer():
    data = datasets.load(train=24, validation=12, test=12)
    images, labels = signs.render(24, seed=0)
    assert data.name == "road_signs"
    assert data.image_shape == (3, 32, 32)
    assert data.classes == signs.CLASSES
    assert torch.equal(data.train.images, torch.from_numpy(images).permute(0, 3, 1, 2))
    assert data.train.labels.tolist() == labels.tolist()


def test_road_signs_of_different_parts_and_seeds_share_no_image():
    first, second = (datasets.load(train=100, validation=100, test=100, seed=seed) for seed in (0, 1))
    assert disjoint(first)
    assert disjoint(second)
    assert not (keys(first.train) | keys(first.test)) & (keys(second.train) | keys(second.test))


def test_road_signs_come_back_under_the_same_seed():
    first, again = (datasets.load(train=30, validation=1, test=1, seed=4) for _ in range(2))
    assert keys(first.train) == keys(again.train)


def test_road_signs_are_rendered_at_the_size_that_was_asked_for():
    assert datasets.load(train=4, validation=4, test=4, size=48).image_shape == (3, 48, 48)
    with pytest.raises(ValueError, match=r"size is 200.*16 to 128"):
        datasets.load(train=4, size=200)


def test_road_signs_take_conditions():
    calm, default = (
        road_signs.load(train=12, validation=1, test=1, conditions=signs.Conditions.of_severity(severity))
        for severity in (0, 1)
    )
    assert keys(calm.train) != keys(default.train)


def test_new_signs_are_rendered_and_share_no_class_with_the_road_signs():
    data = datasets.load("new_signs", train=40, validation=20, test=20, seed=2)
    assert data.name == "new_signs"
    assert data.image_shape == (3, 32, 32)
    assert data.classes == signs.NEW_CLASSES
    assert not set(data.classes) & set(signs.CLASSES)
    assert torch.bincount(data.train.labels).tolist() == [4] * 10
    assert disjoint(data)
    assert keys(data.train) == keys(datasets.load("new_signs", train=40, validation=1, test=1, seed=2).train)
    assert datasets.load("new_signs", train=10, validation=10, test=10, size=20).size == 20


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("new-signs", "Did you mean 'new_signs'"),
        ("fashion-mnist", "Did you mean 'fashion_mnist'"),
        ("CIFAR-10", "Did you mean 'cifar10'"),
        ("roadsigns", "Did you mean 'road_signs'"),
        ("imagenet", "folder:PATH"),
        ("", "road_signs, fashion_mnist, cifar10"),
        (None, "road_signs, fashion_mnist, cifar10"),
        (7, "road_signs, fashion_mnist, cifar10"),
    ],
)
def test_an_unknown_name_lists_the_choices(name, hint):
    with pytest.raises(ValueError, match="There is no data set") as raised:
        datasets.load(name)
    assert hint in str(raised.value)


def test_a_folder_without_the_prefix_gets_the_advice_to_write_it(tmp_path):
    with pytest.raises(ValueError, match="write 'folder:"):
        datasets.load(str(tmp_path))


@pytest.mark.parametrize("wrong", [0, -5, 2.5, "many", True])
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_numbers_of_images_that_make_no_sense_are_refused(part, wrong):
    with pytest.raises(ValueError, match=f"{part} is {wrong!r}"):
        datasets.load(**{part: wrong})


@pytest.mark.parametrize("arguments", [{"size": 8}, {"size": 32.0}, {"seed": -1}, {"seed": 1.5}])
def test_sizes_and_seeds_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ValueError, match=f"{next(iter(arguments))} is"):
        datasets.load(**arguments)


def test_nothing_is_imported_before_it_is_needed():
    script = "import sys; from lessons_lib import datasets; datasets.load(train=1, validation=1, test=1)"
    check = "assert not {'PIL', 'matplotlib', 'lessons_lib.datasets.download'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", f"{script}; {check}"], check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def official_fashion_mnist():
    folder = TEST_DATA / "fashion-mnist"
    if not all((folder / file.name).exists() for file in fashion_mnist.FILES):
        pytest.skip(f"the official Fashion-MNIST files are not in {folder}; set LESSONS_TEST_DATA to their folder")
    patch = pytest.MonkeyPatch()
    patch.setenv("LESSONS_DATA", str(TEST_DATA))
    yield datasets.load("fashion_mnist", train=5000, seed=3)
    patch.undo()


def test_official_fashion_mnist_is_found_in_the_data_folder(official_fashion_mnist):
    data = official_fashion_mnist
    assert [len(part) for part in (data.train, data.validation, data.test)] == [5000, 6000, 10000]
    assert data.image_shape == (1, 28, 28)
    assert data.notes == ()
    assert "checked" in data.provenance


def test_official_fashion_mnist_is_balanced_and_its_test_files_are_whole(official_fashion_mnist):
    for part, each in ((official_fashion_mnist.validation, 600), (official_fashion_mnist.test, 1000)):
        assert part.labels.bincount().tolist() == [each] * 10
    assert official_fashion_mnist.train.labels.bincount().min() >= 499


def test_official_fashion_mnist_has_the_mean_that_is_published(official_fashion_mnist):
    """0.2860 is the mean of the training images that the literature uses."""
    assert official_fashion_mnist.validation.images.float().mean().item() / 255 == pytest.approx(0.2860, abs=0.004)


def test_trousers_are_narrower_than_pullovers(official_fashion_mnist):
    """Labels and images belong together: an oracle that knows clothes."""
    train, width = official_fashion_mnist.train, {}
    for name in ("trousers", "pullover"):
        chosen = train.images[train.labels == fashion_mnist.CLASSES.index(name)]
        width[name] = (chosen > 60).any(dim=2).float().sum(dim=(1, 2)).mean()
    assert width["trousers"] < 0.7 * width["pullover"]


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return gzip.compress(header + array.tobytes())


def clothes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8) % 10


@pytest.fixture
def tiny_fashion_mnist(folders):
    """Stand-ins for the four files, served on this machine: 200 training and 50 test images."""
    contents = [idx(array) for count, seed in ((200, 1), (50, 2)) for array in clothes(count, seed)]
    with serving(b"") as server:
        files = tuple(
            published(file.name, content, server.address)
            for file, content in zip(fashion_mnist.FILES, contents, strict=True)
        )
        yield server, files, contents


def place(folder: Path, files, contents):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in zip(files, contents, strict=True):
        (folder / file.name).write_bytes(content)


@pytest.mark.parametrize("layout", ["fashion-mnist", "fashion_mnist", "FashionMNIST/raw", "."])
def test_fashion_mnist_reads_every_pixel_and_label(tiny_fashion_mnist, folders, layout):
    _, files, contents = tiny_fashion_mnist
    place(folders / layout, files, contents)
    data = fashion_mnist.load(files=files)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [180, 20, 50]
    assert disjoint(data)
    for count, seed, parts in ((200, 1, (data.train, data.validation)), (50, 2, (data.test,))):
        images, labels = clothes(count, seed)
        truth = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
        for part in parts:
            assert all(
                truth[image.numpy().tobytes()] == label for image, label in zip(part.images, part.labels, strict=True)
            )


def test_validation_images_stay_the_same_whatever_the_number_to_train(tiny_fashion_mnist, folders):
    _, files, contents = tiny_fashion_mnist
    place(folders, files, contents)
    few, many = (fashion_mnist.load(files=files, train=count, validation=30) for count in (10, 170))
    assert torch.equal(few.validation.images, many.validation.images)
    assert keys(few.train) < keys(many.train)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"train": 200}, "200 training images"),
        ({"train": 181, "validation": 20}, "are 201"),
        ({"test": 51}, "has 50 test images; 51 were asked for"),
    ],
)
def test_more_images_than_there_are_is_an_error_that_counts_them(tiny_fashion_mnist, folders, counts, message):
    _, files, contents = tiny_fashion_mnist
    place(folders, files, contents)
    with pytest.raises(ValueError, match=message):
        fashion_mnist.load(files=files, **counts)


def test_images_are_resized_on_request(tiny_fashion_mnist, folders):
    _, files, contents = tiny_fashion_mnist
    place(folders, files, contents)
    assert fashion_mnist.load(files=files, size=40).image_shape == (1, 40, 40)


def test_a_wrong_file_is_in_the_notes(tiny_fashion_mnist, folders, tmp_path):
    _, files, contents = tiny_fashion_mnist
    place(folders, files, contents)
    place(tmp_path / "data" / "fashion-mnist", files[:1], [b"x" * len(contents[0])])
    (note,) = fashion_mnist.load(files=files).notes
    assert files[0].name in note
    assert "was not used" in note


@pytest.mark.parametrize(
    "wrong",
    [
        b"no gzip at all",
        gzip.compress(b"too short"),
        idx(np.zeros((3, 28, 28), np.uint8))[:-9],
        idx(np.zeros((3, 28), np.uint8)),
        gzip.compress(gzip.decompress(idx(np.zeros((3, 28, 28), np.uint8))) + b"x"),
        gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 12),
        gzip.compress(bytes([0, 0, 13, 3]) + bytes(12)),
        idx(np.zeros((0, 28, 28), np.uint8)),
    ],
)
def test_idx_files_that_lie_are_refused_by_name(tmp_path, wrong):
    (tmp_path / "lie.gz").write_bytes(wrong)
    with pytest.raises(DatasetUnavailable, match=r"lie\.gz"):
        fashion_mnist.read_idx(tmp_path / "lie.gz", dimensions=3)


def batches(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    arrays = [random.integers(0, 256, (RECORDS, cifar10.RECORD_BYTES), np.uint8) for _ in cifar10.BATCHES]
    for array in arrays:
        array[:, 0] = np.arange(RECORDS) % 10
    return arrays


def archive(members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def members(arrays) -> dict[str, bytes]:
    return {f"{cifar10.FOLDER}/{name}": array.tobytes() for name, array in zip(cifar10.BATCHES, arrays, strict=True)}


def test_cifar10_is_downloaded_and_every_pixel_and_label_is_read(folders):
    arrays = batches(1)
    content = archive({f"{cifar10.FOLDER}/readme.html": b"hello", **members(arrays)})
    with serving(content) as server:
        file = published("cifar-10-binary.tar.gz", content, server.address)
        data = cifar10.load(archive=file, records=RECORDS)
        again = cifar10.load(archive=file, records=RECORDS)
    assert len(server.ranges) == 1
    assert [len(part) for part in (data.train, data.validation, data.test)] == [180, 20, 40]
    assert data.image_shape == (3, 32, 32)
    assert keys(data.train) == keys(again.train)
    assert disjoint(data)
    truth = {array[1:].tobytes(): array[0] for batch in arrays for array in batch}
    for part in (data.train, data.validation, data.test):
        assert all(
            truth[image.numpy().tobytes()] == label for image, label in zip(part.images, part.labels, strict=True)
        )
    assert keys(data.test) == {array[1:].tobytes() for array in arrays[-1]}


@pytest.mark.parametrize("layout", [".", "cifar10"])
def test_an_unpacked_cifar10_is_found(folders, layout):
    for name, content in members(batches(2)).items():
        (folders / layout / name).parent.mkdir(parents=True, exist_ok=True)
        (folders / layout / name).write_bytes(content)
    data = cifar10.load(archive=published("cifar-10-binary.tar.gz", b"", "http://127.0.0.1:1"), records=RECORDS)
    assert len(data.train) == 180
    assert "no official checksum" in data.notes[0]


def test_an_unpacked_cifar10_with_a_batch_missing_is_passed_over_by_name(folders):
    content = archive(members(batches(3)))
    (folders / cifar10.FOLDER).mkdir()
    (folders / cifar10.FOLDER / "data_batch_1.bin").write_bytes(b"short")
    (folders / "cifar-10-binary.tar.gz").write_bytes(content)
    data = cifar10.load(archive=published("cifar-10-binary.tar.gz", content), records=RECORDS)
    assert "data_batch_1.bin" in data.notes[0]


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        archive({}),
        archive(members(batches(4)))[:-5000],
        archive({name.replace(cifar10.FOLDER, ".."): content for name, content in members(batches(4)).items()}),
        archive({name: content + b"x" for name, content in members(batches(4)).items()}),
        archive({name: b"" for name in members(batches(4))}, kind=tarfile.SYMTYPE),
    ],
)
def test_archives_that_are_not_what_they_should_be_are_refused_and_write_nothing(tmp_path, content):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "odd.tar.gz").write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetUnavailable, match=r"odd\.tar\.gz"):
        cifar10.read_archive(tmp_path / "sub" / "odd.tar.gz", RECORDS)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_label_that_cifar10_does_not_have_is_refused(folders):
    arrays = batches(5)
    arrays[0][3, 0] = 10
    content = archive(members(arrays))
    (folders / "cifar-10-binary.tar.gz").write_bytes(content)
    with pytest.raises(DatasetUnavailable, match="label 10"):
        cifar10.load(archive=published("cifar-10-binary.tar.gz", content), records=RECORDS)


def test_the_published_facts_about_the_files_are_recorded():
    """From the data sets' own pages."""
    assert cifar10.ARCHIVE.md5 == "c32a1d4ab5d03f1284b67883e8d87530"
    assert cifar10.ARCHIVE.size_bytes == 170_052_171
    assert cifar10.RECORDS * cifar10.RECORD_BYTES == 30_730_000
    assert fashion_mnist.FILES[0].md5 == "8d4fb7e6c68d591d4c3dfef9ec88bf0d"
    for file in (cifar10.ARCHIVE, *fashion_mnist.FILES):
        assert len(file.urls) == 2
        assert all(url.endswith(file.name) for url in file.urls)
