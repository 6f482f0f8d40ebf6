"""One image file of any kind becomes an upright small square in red, green and blue, or a sentence."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lessons_lib.datasets.picture import Unreadable, endings, formats, read

RED, BLUE = (200, 10, 10), (10, 10, 200)


def save(image: Image.Image, path, **options):
    image.save(path, **options)
    return path


def two_halves(width=60, height=60) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (0, height // 2, width, height))
    return image


def colours(array: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The colours near the top and near the bottom."""
    return tuple(array[:, 2, 16].tolist()), tuple(array[:, -3, 16].tolist())


def near(found, expected, by=12) -> bool:
    return np.abs(np.array(found, int) - np.array(expected, int)).max() <= by


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "tiff", "webp", "ppm", "tga", "ico", "jp2", "pcx"])
def test_common_kinds_of_image_keep_their_colours(tmp_path, ending):
    array = read(save(two_halves(), tmp_path / f"image.{ending}"), 32)
    assert (array.shape, array.dtype) == ((3, 32, 32), np.uint8)
    assert near(colours(array), (RED, BLUE), by=25)


def test_the_ending_does_not_decide_what_an_image_is(tmp_path):
    two_halves().save(tmp_path / "image.png")
    (tmp_path / "image.png").rename(tmp_path / "image.jpg")
    assert near(colours(read(tmp_path / "image.jpg", 32)), (RED, BLUE))


@pytest.mark.parametrize("shape", [(200, 60), (60, 200), (1, 500), (3000, 2000), (16, 16), (1, 1)])
def test_the_middle_square_is_taken_from_any_shape(tmp_path, shape):
    image = Image.new("RGB", shape, (255, 255, 255))
    side = min(shape)
    left, top = (shape[0] - side) // 2, (shape[1] - side) // 2
    image.paste(RED, (left, top, left + side, top + side))
    array = read(save(image, tmp_path / "image.png"), 20)
    assert near(array.reshape(3, -1).T, [RED] * 400)


@pytest.mark.parametrize("size", [16, 32, 64, 100])
def test_the_size_is_the_one_that_was_asked_for(tmp_path, size):
    assert read(save(two_halves(), tmp_path / "image.png"), size).shape == (3, size, size)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_fine_patterns_become_grey_rather_than_noise(tmp_path, ending):
    fine = np.indices((640, 640)).sum(axis=0) % 2 * 255
    array = read(save(Image.fromarray(fine.astype(np.uint8)), tmp_path / f"fine.{ending}"), 32)
    assert np.abs(array.astype(int) - 127).max() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_that_a_camera_noted_is_followed(tmp_path, orientation):
    turns = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM}
    turns |= {5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE}
    turns |= {8: Image.Transpose.ROTATE_270}
    stored = two_halves().transpose(turns[orientation]) if orientation > 1 else two_halves()
    exif = Image.Exif()
    exif[0x0112] = orientation
    array = read(save(stored, tmp_path / "image.jpg", exif=exif), 32)
    assert near(colours(array), (RED, BLUE), by=25)


@pytest.mark.parametrize(("mode", "colour"), [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0)), ("RGBA", (255, 255, 255, 255))])
def test_transparent_parts_are_white(tmp_path, mode, colour):
    array = read(save(Image.new(mode, (40, 40), colour), tmp_path / "image.png"), 32)
    assert (array == 255).all()


def test_half_transparent_parts_are_mixed_with_white(tmp_path):
    array = read(save(Image.new("RGBA", (40, 40), (0, 0, 0, 128)), tmp_path / "image.png"), 32)
    assert near(array.reshape(3, -1).T, [[127] * 3] * 1024, by=1)


def test_a_palette_with_a_transparent_colour_is_understood(tmp_path):
    image = Image.new("P", (40, 40), 1)
    image.putpalette([0, 0, 0, *RED])
    image.paste(0, (0, 20, 40, 40))
    array = read(save(image, tmp_path / "image.png", transparency=0), 32)
    assert near(colours(array), (RED, (255, 255, 255)))


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_images_have_three_equal_planes(tmp_path, mode):
    array = read(save(Image.linear_gradient("L").convert(mode), tmp_path / "image.png"), 32)
    assert (array[0] == array[1]).all()
    assert (array[1] == array[2]).all()
    assert array[0, 2].mean() < 40 < 215 < array[0, -2].mean()


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_sixteen_bits_become_eight(tmp_path, ending):
    levels = np.linspace(0, 65535, 64).astype(np.uint16)[:, None].repeat(64, axis=1)
    array = read(save(Image.fromarray(levels), tmp_path / f"deep.{ending}"), 64)
    assert np.abs(array[0, :, 5] - np.linspace(0, 255, 64)).max() <= 1


@pytest.mark.parametrize("highest", [1.0, 255.0, 1e6])
def test_fractional_levels_are_brought_to_the_range(tmp_path, highest):
    levels = np.linspace(0, highest, 64, dtype=np.float32)[:, None].repeat(64, axis=1)
    levels[0, 0] = np.nan
    array = read(save(Image.fromarray(levels), tmp_path / "levels.tiff"), 64)
    assert np.abs(array[0, :, 5] - np.linspace(0, 255, 64)).max() <= 1


def test_printing_colours_are_understood(tmp_path):
    array = read(save(two_halves().convert("CMYK"), tmp_path / "image.jpg"), 32)
    assert near(colours(array), (RED, BLUE), by=40)


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path, ending):
    frames = [Image.new("RGB", (40, 40), colour) for colour in (BLUE, RED, RED)]
    frames[0].save(tmp_path / f"film.{ending}", save_all=True, append_images=frames[1:])
    assert near(colours(read(tmp_path / f"film.{ending}", 32)), (BLUE, BLUE))


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "webp", "tiff"])
@pytest.mark.parametrize("keep", [0, 5, 0.3, 0.9])
def test_files_that_were_cut_off_are_unreadable_or_pictures_but_never_a_crash(tmp_path, ending, keep):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(Image.fromarray(noise), tmp_path / f"image.{ending}")
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if keep >= 1 else int(keep * len(whole))])
    with pytest.raises(Unreadable):
        read(path, 32)


def test_bytes_flipped_at_random_never_crash(tmp_path):
    random, unreadable = np.random.default_rng(1), 0
    for ending in ("png", "jpg", "gif", "bmp", "tiff", "webp", "tga", "ico"):
        path = save(two_halves(), tmp_path / f"image.{ending}")
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(15):
            spoilt = whole.copy()
            spoilt[random.integers(0, len(spoilt), 8)] = random.integers(0, 256, 8)
            path.write_bytes(spoilt.tobytes())
            try:
                assert read(path, 16).shape == (3, 16, 16)
            except Unreadable:
                unreadable += 1
    assert unreadable > 10


def huge_png(path, width, height):
    """A few bytes that claim to be a gigantic picture."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [9_500, 60_000])
def test_pictures_of_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, side):
    with pytest.raises(Unreadable, match="pixels"):
        read(huge_png(tmp_path / "bomb.png", side, side), 32)


def test_postscript_is_never_run(tmp_path):
    path = save(two_halves(), tmp_path / "image.eps")
    path.rename(tmp_path / "image.png")
    with pytest.raises(Unreadable):
        read(tmp_path / "image.png", 32)
    assert "EPS" not in formats()
    assert ".eps" not in endings()


@pytest.mark.parametrize("ending", [".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ""])
def test_the_usual_endings_count_as_images(ending):
    assert ending in endings()


@pytest.mark.parametrize("ending", [".txt", ".db", ".pdf", ".csv", ".py", ".h5", ".mp4", ".zip", ".npy", ".pkl"])
def test_other_files_do_not_count_as_images(ending):
    assert ending not in endings()


def test_a_folder_or_a_missing_file_is_unreadable(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.png"):
        with pytest.raises(Unreadable):
            read(path, 32)
