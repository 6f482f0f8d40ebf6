"""The checks of lesson 06: scale and zero point, there and back, a scale for each channel, sums in whole numbers."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import expect


@exercise(
    "06.1",
    "Scale and zero point",
    hints=(
        "First make the range reach 0: `low, high = min(low, 0.0), max(high, 0.0)`.",
        "256 whole numbers have 255 steps between them: `scale = (high - low) / 255`.",
        "`low` is stored as 0, and 0 lies `-low / scale` steps above it.",
        "`return scale, round(-low / scale)`; before that, `if low == high: return 1.0, 0`.",
    ),
    learned="ONNX calls this DynamicQuantizeLinear. Zero is stored exactly, and so padding and ReLU cost no accuracy.",
)
def scale_and_zero_point(answer: Any) -> None:
    inside = "This range has 0 inside."
    for low, high, note in (
        (-1.0, 2.7, inside),
        (-0.5, 0.2, inside),
        (0.5, 2.0, "This range lies above 0."),
        (-3.0, -1.0, "This range lies below 0."),
    ):
        given = {"low": low, "high": high}
        expect(answer, given, _scale_and_zero(low, high), mistakes=_scale_mistakes(low, high), note=note)
    equal = {
        "`low` and `high` are equal here, but not 0: widen the range first, then ask whether anything is left.": (
            1.0,
            0,
        )
    }
    for value in (3.0, -3.0):
        expect(answer, {"low": value, "high": value}, _scale_and_zero(value, value), mistakes=equal)
    expect(answer, {"low": 0.0, "high": 0.0}, (1.0, 0), note="Everything is 0 here.")


def _scale_and_zero(low: float, high: float, steps: int = 255) -> tuple[float, int]:
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / steps
    return scale, round(-low / scale)


def _scale_mistakes(low: float, high: float) -> dict[str, Any]:
    scale, zero = _scale_and_zero(low, high)
    bare = (high - low) / 255  # the range was not widened
    reach = max(abs(low), abs(high))
    return {
        "0 cannot be stored: widen the range first, `low = min(low, 0.0)` and `high = max(high, 0.0)`.": (
            bare,
            round(-low / bare),
        ),
        "0 cannot be stored: clipping the zero point hides that the range does not reach 0; widen the range first.": (
            bare,
            min(max(round(-low / bare), 0), 255),
        ),
        "256 whole numbers have 255 steps between them: divide by 255, not 256.": _scale_and_zero(low, high, 256),
        "The zero point is a whole number: round it. Otherwise 0 falls between two of them.": (
            scale,
            -min(low, 0.0) / scale,
        ),
        "The zero point is right, but it is a float: `round(...)` without a second argument gives an int.": (
            scale,
            float(zero),
        ),
        "The sign of the zero point is wrong: `low` is stored as 0, so 0 itself lies above it.": (scale, -zero),
        "The two are swapped: return the scale first.": (zero, scale),
        "The zero point is that of numbers with a sign, -128 to 127; uint8 begins at 0.": (scale, zero - 128),
        "This range is symmetric: it gives as many whole numbers to one side of 0 as to the other, used or not.": (
            2 * reach / 255,
            128,
        ),
        "This is a symmetric scale with a zero point of 0; uint8 has nothing below 0, so negative numbers would be lost.": (
            reach / 127,
            0,
        ),
        "The steps are cut off, not rounded: `int(...)` goes towards 0, `round(...)` to the nearest.": (
            scale,
            int(-min(low, 0.0) / scale),
        ),
    }


@exercise(
    "06.2",
    "There and back",
    hints=(
        "`torch.round(x / scale)` gives whole numbers, still as float32; then add the zero point.",
        "Clip before you come back: `.clamp(0, 255)`.",
        "Back: subtract the zero point, then multiply by the scale.",
        "`whole = (torch.round(x / scale) + zero_point).clamp(0, 255)`, then `return (whole - zero_point) * scale`.",
    ),
    learned="This is called fake quantization: float32 numbers of which only 256 different ones are left.",
)
def there_and_back(answer: Any) -> None:
    x = torch.tensor([-0.93, -0.21, -0.049, 0.0, 0.051, 0.3, 0.77, 1.49, 2.26])
    for values, scale, zero_point, note in (
        (x, 0.1, 100, "All of these fit."),
        (x * 10, 0.1, 100, "Some of these lie beyond what uint8 can hold."),
        (x + 0.95, 0.012, 0, "Some of these lie above what uint8 can hold."),
        (torch.zeros(0), 0.1, 3, "This tensor is empty."),
    ):
        given = {"x": values, "scale": scale, "zero_point": zero_point}
        want = _back(_whole(values, scale, zero_point), scale, zero_point)
        mistakes = _back_mistakes(values, scale, zero_point) if len(values) else {}
        expect(answer, given, want, mistakes=mistakes, note=note)


def _whole(x: Tensor, scale: float, zero_point: int) -> Tensor:
    return (torch.round(x / scale) + zero_point).clamp(0, 255)


def _back(whole: Tensor, scale: float, zero_point: int) -> Tensor:
    return (whole - zero_point) * scale


def _back_mistakes(x: Tensor, scale: float, zero_point: int) -> dict[str, Tensor]:
    steps = x / scale
    whole = _whole(x, scale, zero_point)
    return {
        "The numbers are cut off, not rounded: a conversion to whole numbers goes towards 0. Use `torch.round`.": _back(
            (steps.trunc() + zero_point).clamp(0, 255), scale, zero_point
        ),
        "The numbers are rounded down: use `torch.round`, not `floor`, or everything shrinks a little.": _back(
            (steps.floor() + zero_point).clamp(0, 255), scale, zero_point
        ),
        "Nothing is clipped: uint8 ends at 255, `.clamp(0, 255)`.": _back(
            steps.round() + zero_point, scale, zero_point
        ),
        "Large numbers wrap around: 256 becomes 0 in uint8. Clip before you convert, `.clamp(0, 255)`.": _back(
            (steps.round() + zero_point) % 256, scale, zero_point
        ),
        "On the way back the uint8 wraps around below 0: convert to float32 before you subtract.": (
            (whole - zero_point) % 256
        )
        * scale,
        "These are the whole numbers: come back, `(whole - zero_point) * scale`.": whole,
        "On the way back the zero point is not subtracted.": whole * scale,
        "Everything below 0 is lost: add the zero point before you clip.": steps.round().clamp(0, 255) * scale,
        "These are the limits of int8; uint8 holds 0 to 255.": _back(
            (steps.round() + zero_point).clamp(-128, 127), scale, zero_point
        ),
        "Nothing is rounded: only whole numbers can be stored.": _back(
            (steps + zero_point).clamp(0, 255), scale, zero_point
        ),
        "Divide by the scale on the way there, and multiply by it on the way back.": _back(
            (torch.round(x * scale) + zero_point).clamp(0, 255), 1 / scale, zero_point
        ),
    }


@exercise(
    "06.3",
    "A scale for each channel",
    hints=(
        "The largest absolute value of each filter: `weight.abs().amax(dim=(1, 2, 3))` has the shape (out,).",
        "Divided by 127 it is the scale. Where it is 0, set it to 1: `scales[scales == 0] = 1.0`.",
        "To divide, line the scales up with the first axis: `scales[:, None, None, None]` has the shape (out, 1, 1, 1).",
        "`whole = torch.round(weight / scales[:, None, None, None]).to(torch.int8)`, then `return whole, scales`.",
    ),
    learned="Each output channel is scaled back on its own after the sums, so a scale for each costs next to nothing; one for each input would.",
)
def per_channel(answer: Any) -> None:
    for seed, shape, note in (
        (0, (4, 3, 3, 3), ""),
        (1, (3, 3, 2, 2), "This layer has as many inputs as outputs."),
        (2, (5, 2, 1, 1), "One filter holds zeros only."),
    ):
        weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        weight = weight * torch.linspace(0.1, 2.0, shape[0])[:, None, None, None]
        weight[:, 0, 0, 0] -= weight.flatten(1).abs().amax(1) * 1.5  # the largest value lies below 0
        if seed == 2:
            weight[1] = 0
        known, arrange = _channel_mistakes(weight), partial(_see_zeros, weight=weight)
        expect(answer, {"weight": weight}, _per_channel(weight), mistakes=known, note=note, arrange=arrange)


def _see_zeros(result: Any, weight: Tensor) -> Any:
    """Pass a result on, unless a filter of zeros has a scale that is neither 0, a mistake with a name, nor 1."""
    scales = result[1] if isinstance(result, list | tuple) and len(result) == 2 else None
    if isinstance(scales, Tensor) and scales.shape == weight.shape[:1]:
        for scale in scales[weight.flatten(1).abs().amax(1) == 0].tolist():
            if 0 < scale < 0.5:
                raise NotYet(f"The scale of the filter of zeros is {scale:.3g}; it shall be 1.")
    return result


def _stored(weight: Tensor, scales: Tensor) -> Tensor:
    return torch.round(weight / scales).clamp(-128, 127).to(torch.int8)


def _filled(scales: Tensor) -> Tensor:
    return torch.where(scales == 0, torch.ones(()), scales)


def _per_channel(weight: Tensor, highest: int = 127) -> tuple[Tensor, Tensor]:
    scales = _filled(weight.abs().amax((1, 2, 3)) / highest)
    return _stored(weight, scales.view(-1, 1, 1, 1)), scales


def _channel_mistakes(weight: Tensor) -> dict[str, Any]:
    whole, scales = _per_channel(weight)
    one = weight.abs().max() / 127
    inputs = _filled(weight.abs().amax((0, 2, 3)) / 127)
    top = _filled(weight.amax((1, 2, 3)) / 127)
    wide = _filled((weight.amax((1, 2, 3)) - weight.amin((1, 2, 3))) / 255)
    found = {
        "This is one scale for the whole weight, repeated: take the largest of each filter, `amax(dim=(1, 2, 3))`.": (
            _stored(weight, one),
            one.expand(len(weight)),
        ),
        "This is a single scale for the whole weight: take the largest of each filter, `amax(dim=(1, 2, 3))`.": (
            _stored(weight, one),
            one,
        ),
        "These are scales for the input channels, axis 1; an output channel is axis 0.": (
            _stored(weight, inputs.view(1, -1, 1, 1)),
            inputs,
        ),
        "The largest value is not the largest absolute value: `weight.abs()` first. What lies below 0 is clipped here.": (
            _stored(weight, top.view(-1, 1, 1, 1)),
            top,
        ),
        "Take the largest absolute value, `.abs()`; here a negative weight is the largest.": (
            torch.round(weight / top.view(-1, 1, 1, 1)).to(torch.int8),
            top,
        ),
        "127 is the largest whole number on both sides: divide by 127, not 128.": _per_channel(weight, 128),
        "255 steps are for a range from lowest to highest; a symmetric one has 127 on each side of 0.": (
            _stored(weight, wide.view(-1, 1, 1, 1)),
            wide,
        ),
        "The scales have the shape (out, 1, 1, 1); flatten them before you return them.": (
            whole,
            scales.view(-1, 1, 1, 1),
        ),
        "The two are swapped: return the whole numbers first.": (scales, whole),
        "The weight is divided by its scale, but not rounded: a conversion to int8 cuts off. Use `torch.round`.": (
            (weight / scales.view(-1, 1, 1, 1)).to(torch.int8),
            scales,
        ),
    }
    zero = weight.flatten(1).abs().amax(1) == 0
    if zero.any():
        found["The scale of the filter of zeros is 0, and 0 / 0 is no number: set such a scale to 1."] = (
            whole,
            torch.where(zero, torch.zeros(()), scales),
        )
    return found


@exercise(
    "06.4",
    "A sum of products in whole numbers",
    hints=(
        "x stands for scale_x * (x - zero_x), and w for scale_w * w. Multiply the two and take the scales out of the sum.",
        "Convert before you subtract: in uint8, 3 - 5 is 254. `x.to(torch.int32) - zero_x`.",
        "The sum is `((x.to(torch.int32) - zero_x) * w.to(torch.int32)).sum()`.",
        "`return products.sum().item() * scale_x * scale_w`",
    ),
    learned="The scales stand in front of the sum: an engine multiplies by them once for each output, not once for each product.",
)
def integer_dot(answer: Any) -> None:
    for seed, count, zero_x, note in (
        (0, 6, 128, ""),
        (1, 9, 0, "The zero point is 0 here."),
        (2, 5, 255, "The zero point is 255 here."),
        (3, 4096, 100, "This sum is long."),
        (4, 0, 7, "There is nothing to add up here."),
    ):
        random = torch.Generator().manual_seed(seed)
        x = torch.randint(0, 256, (count,), dtype=torch.uint8, generator=random)
        w = torch.randint(-127, 128, (count,), dtype=torch.int8, generator=random)
        if count:
            x[0], w[0], w[-1] = 3, -101, 120
        given = {"x": x, "w": w, "zero_x": zero_x, "scale_x": 0.02, "scale_w": 0.005}
        mistakes = _dot_mistakes(x, w, zero_x, 0.02, 0.005) if count else {}
        expect(answer, given, _dot(x, w, zero_x) * 0.02 * 0.005, mistakes=mistakes, note=note)


def _dot(x: Tensor, w: Tensor, zero_x: int) -> int:
    return int(((x.long() - zero_x) * w.long()).sum())


def _dot_mistakes(x: Tensor, w: Tensor, zero_x: int, scale_x: float, scale_w: float) -> dict[str, Any]:
    plain, exact, both = int((x.long() * w.long()).sum()), _dot(x, w, zero_x), scale_x * scale_w
    return {
        "The zero point is missing: x stands for scale_x * (x - zero_x).": plain * both,
        "The zero point is subtracted once, from the sum; it belongs to every x, so it is multiplied by every w.": (
            plain - zero_x
        )
        * both,
        "The zero point is subtracted from every product; it belongs to x, so it is multiplied by w.": (
            plain - zero_x * len(x)
        )
        * both,
        "x wraps around below 0: in uint8, 3 - 5 is 254. Convert before you subtract, `x.to(torch.int32)`.": (
            int((((x.long() - zero_x) % 256) * w.long()).sum()) * both
        ),
        "The zero point is subtracted from w; that of the weights is 0, it belongs to x.": (
            int((x.long() * (w.long() - zero_x)).sum()) * both
        ),
        "The zero point is added; the real number is scale * (whole number - zero point).": (
            int(((x.long() + zero_x) * w.long()).sum()) * both
        ),
        "This is the sum in whole numbers: multiply it by both scales.": float(exact),
        "The scale of the weights is missing.": exact * scale_x,
        "The scale of x is missing.": exact * scale_w,
        "Multiply by the scales; dividing by them is the way to the whole numbers.": exact / both,
    }
