"""Answers to the exercises of lesson 06: right ones, and wrong ones with a part of the message that each must get."""

import torch


def scale_by_numpy_style(low, high):
    spread = max(high, 0.0) - min(low, 0.0)
    scale = spread / 255.0 if spread else 1.0
    return scale, int(torch.tensor(-min(low, 0.0) / scale, dtype=torch.float64).round())


def scale_by_cases(low, high):
    if low >= 0 and high >= 0:
        return (high / 255, 0) if high else (1.0, 0)
    if high <= 0:
        return -low / 255, 255
    scale = (high - low) / 255
    return scale, round(-low / scale)


def scale_with(formula):
    """An answer that widens the range, takes care of zeros and then does as the formula says."""

    def answer(low, high):
        low, high = min(low, 0.0), max(high, 0.0)
        return formula(low, high) if low != high else (1.0, 0)

    return answer


def scale_without_zero(low, high):
    scale = (high - low) / 255
    return scale, round(-low / scale)


def scale_without_zero_but_clipped(low, high):
    scale = (high - low) / 255
    return scale, min(max(round(-low / scale), 0), 255)


def scale_of_equal_ends(low, high):
    if low == high:
        return 1.0, 0
    return scale_by_numpy_style(low, high)


def scale_of_zeros_fails(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    return (high - low) / 255, round(-low / ((high - low) / 255))


def back_by_torch(x, scale, zero_point):
    return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, 255)


def back_by_bytes(x, scale, zero_point):
    whole = torch.clamp((x / scale).round() + zero_point, min=0, max=255).to(torch.uint8)
    return (whole.float() - zero_point) * scale


def back_with(whole):
    return lambda x, scale, zero_point: (whole(x / scale, zero_point) - zero_point) * scale


def wraps_around(x, scale, zero_point):
    whole = ((x / scale).round() + zero_point).to(torch.int64).to(torch.uint8)
    return (whole.float() - zero_point) * scale


def wraps_on_the_way_back(x, scale, zero_point):
    return (((x / scale).round() + zero_point).clamp(0, 255).to(torch.uint8) - zero_point) * scale


def clips_too_early(x, scale, zero_point):
    return ((x / scale).round().clamp(0, 255) + zero_point - zero_point) * scale


def channels_by_a_loop(weight):
    scales = [max(float(one.abs().max()), 0.0) / 127 or 1.0 for one in weight]
    whole = [torch.round(one / scale).to(torch.int8) for one, scale in zip(weight, scales, strict=True)]
    return torch.stack(whole), torch.tensor(scales)


def channels_flattened(weight):
    flat = weight.flatten(1)
    scales = flat.abs().max(dim=1).values / 127
    scales = torch.where(scales > 0, scales, torch.ones_like(scales))
    return torch.round(flat / scales[:, None]).clamp(-127, 127).to(torch.int8).view_as(weight), scales


def channels_with(scales_of, round_it=torch.round, returned=lambda whole, scales: (whole, scales.flatten())):
    def answer(weight):
        scales = scales_of(weight)
        scales = torch.where(scales == 0, torch.ones(()), scales)
        return returned(round_it(weight / scales).clamp(-128, 127).to(torch.int8), scales)

    return answer


def largest(weight, dim=(1, 2, 3)):
    return weight.abs().amax(dim, keepdim=True) / 127


def one_scale(weight):
    scale = weight.abs().max() / 127
    return torch.round(weight / scale).to(torch.int8), scale


def channels_without_abs(weight):
    scales = weight.amax((1, 2, 3)) / 127
    return torch.round(weight / scales[:, None, None, None]).to(torch.int8), scales


def channels_never_quite_zero(weight):
    scales = (weight.abs().amax((1, 2, 3)) / 127).clamp(min=1e-8)
    return torch.round(weight / scales[:, None, None, None]).to(torch.int8), scales


def zeros_divide(weight):
    scales = weight.abs().amax((1, 2, 3)) / 127
    return torch.round(weight / scales[:, None, None, None]).to(torch.int8), scales


def dot_by_correction(x, w, zero_x, scale_x, scale_w):
    total = int((x.long() * w.long()).sum()) - zero_x * int(w.long().sum())
    return scale_x * scale_w * total


def dot_by_a_loop(x, w, zero_x, scale_x, scale_w):
    return float(sum((int(a) - zero_x) * int(b) for a, b in zip(x, w, strict=True))) * scale_x * scale_w


def dot_with(total):
    return lambda x, w, zero, a, b: float(total(x.long(), w.long(), zero)) * a * b


def wraps_below_zero(x, w, zero_x, scale_x, scale_w):
    return ((x - zero_x).to(torch.int32) * w).sum().item() * scale_x * scale_w


def exact_dot(x, w, zero_x):
    return float(((x.long() - zero_x) * w.long()).sum())


RIGHT = {
    "06.1": [scale_by_numpy_style, scale_by_cases],
    "06.2": [back_by_torch, back_by_bytes],
    "06.3": [channels_by_a_loop, channels_flattened],
    "06.4": [dot_by_correction, dot_by_a_loop],
}

WRONG = {
    "06.1": {
        "forgets zero": (scale_without_zero, "0 cannot be stored: widen the range first"),
        "clips the zero point": (scale_without_zero_but_clipped, "clipping the zero point hides"),
        "256 steps": (scale_with(lambda a, b: ((b - a) / 256, round(-a / (b - a) * 256))), "255 steps"),
        "does not round": (scale_with(lambda a, b: ((b - a) / 255, -a / (b - a) * 255)), "whole number: round it"),
        "rounds to a float": (
            scale_with(lambda a, b: ((b - a) / 255, float(round(-a / (b - a) * 255)))),
            "it is a float",
        ),
        "wrong sign": (scale_with(lambda a, b: ((b - a) / 255, round(a / (b - a) * 255))), "sign of the zero point"),
        "swaps": (scale_with(lambda a, b: (round(-a / (b - a) * 255), (b - a) / 255)), "swapped"),
        "int8": (scale_with(lambda a, b: ((b - a) / 255, round(-a / (b - a) * 255) - 128)), "numbers with a sign"),
        "symmetric": (scale_with(lambda a, b: (2 * max(-a, b) / 255, 128)), "This range is symmetric"),
        "symmetric without zero point": (scale_with(lambda a, b: (max(-a, b) / 127, 0)), "nothing below 0"),
        "cuts off": (scale_with(lambda a, b: ((b - a) / 255, int(-a / (b - a) * 255))), "cut off, not rounded"),
        "zeros": (scale_of_zeros_fails, "ZeroDivisionError"),
        "asks before it widens": (scale_of_equal_ends, "widen the range first, then ask"),
        "scale alone": (scale_with(lambda a, b: (b - a) / 255), "should be a list of 2"),
    },
    "06.2": {
        "truncates": (back_with(lambda s, z: (s.trunc() + z).clamp(0, 255)), "cut off, not rounded"),
        "floors": (back_with(lambda s, z: (s.floor() + z).clamp(0, 255)), "rounded down"),
        "does not clip": (back_with(lambda s, z: s.round() + z), "Nothing is clipped"),
        "wraps around": (wraps_around, "Large numbers wrap around"),
        "wraps on the way back": (wraps_on_the_way_back, "On the way back the uint8 wraps around"),
        "stays there": (lambda x, s, z: ((x / s).round() + z).clamp(0, 255), "These are the whole numbers"),
        "forgets the zero point on the way back": (
            lambda x, s, z: ((x / s).round() + z).clamp(0, 255) * s,
            "not subtracted",
        ),
        "clips too early": (clips_too_early, "below 0 is"),
        "limits of int8": (back_with(lambda s, z: (s.round() + z).clamp(-128, 127)), "limits of int8"),
        "does not round": (back_with(lambda s, z: (s + z).clamp(0, 255)), "Nothing is rounded"),
        "multiplies": (
            lambda x, s, z: (((x * s).round() + z).clamp(0, 255) - z) / s,
            "Divide by the scale on the way there",
        ),
        "changes in place": (lambda x, s, z: x.div_(s).round_().add_(z).clamp_(0, 255).sub_(z).mul_(s), "in place"),
    },
    "06.3": {
        "one scale, repeated": (
            channels_with(lambda w: (w.abs().max() / 127).expand(len(w), 1, 1, 1)),
            "for the whole weight, repeated",
        ),
        "one scale": (one_scale, "a single scale for the whole weight"),
        "wrong axis": (channels_with(lambda w: largest(w, (0, 2, 3))), "for the input channels"),
        "forgets abs": (channels_with(lambda w: w.amax((1, 2, 3), keepdim=True) / 127), "largest absolute value"),
        "forgets abs and does not clip": (channels_without_abs, "here a negative weight is the largest"),
        "128": (channels_with(lambda w: largest(w) * 127 / 128), "not 128"),
        "255": (
            channels_with(lambda w: (w.amax((1, 2, 3), keepdim=True) - w.amin((1, 2, 3), keepdim=True)) / 255),
            "255 steps are for a range",
        ),
        "shape": (channels_with(largest, returned=lambda whole, scales: (whole, scales)), "(out, 1, 1, 1); flatten"),
        "swaps": (channels_with(largest, returned=lambda whole, scales: (scales.flatten(), whole)), "swapped"),
        "truncates": (channels_with(largest, round_it=torch.trunc), "not rounded: a conversion to int8"),
        "a filter of zeros": (zeros_divide, "set such a scale to 1"),
        "a tiny scale": (channels_never_quite_zero, "is 1e-08; it shall be 1"),
        "stays float": (
            channels_with(largest, returned=lambda whole, scales: (whole.float(), scales.flatten())),
            "has the dtype torch.float32",
        ),
    },
    "06.4": {
        "forgets the zero point": (dot_with(lambda x, w, z: (x * w).sum()), "The zero point is missing"),
        "subtracts it once": (dot_with(lambda x, w, z: (x * w).sum() - z), "subtracted once"),
        "subtracts it from products": (dot_with(lambda x, w, z: (x * w - z).sum()), "from every product"),
        "wraps below zero": (wraps_below_zero, "wraps around below 0"),
        "subtracts it from w": (dot_with(lambda x, w, z: (x * (w - z)).sum()), "subtracted from w"),
        "adds it": (dot_with(lambda x, w, z: ((x + z) * w).sum()), "The zero point is added"),
        "whole numbers": (lambda x, w, z, a, b: exact_dot(x, w, z), "the sum in whole numbers"),
        "forgets scale_w": (lambda x, w, z, a, b: exact_dot(x, w, z) * a, "scale of the weights is missing"),
        "forgets scale_x": (lambda x, w, z, a, b: exact_dot(x, w, z) * b, "scale of x is missing"),
        "divides": (lambda x, w, z, a, b: exact_dot(x, w, z) / (a * b), "Multiply by the scales"),
        "a tensor": (
            lambda x, w, z, a, b: torch.tensor(exact_dot(x, w, z) * a * b),
            "`.item()` takes the number out",
        ),
    },
}
