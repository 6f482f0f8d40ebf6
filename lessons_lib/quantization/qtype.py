"""How numbers are stored: bits, sign, symmetry, and what shares a scale. Vocabulary as values."""

from dataclasses import dataclass

import torch

from lessons_lib.explained import Mistake

FEWEST_BITS, MOST_BITS = 2, 8


@dataclass(frozen=True)
class QType:
    """A kind of whole number that stands for a real one.

    bits: 2 to 8. signed: -8 to 7 rather than 0 to 15, for 4 bits. symmetric: the range reaches as far below 0 as above, so that
    0 is stored as 0. axis: the axis of which each entry has a scale of its own, such as 0 for the output channels of a weight;
    None where the whole tensor shares one.

    Raises:
        Mistake: a number of bits that is not served, or symmetric without a sign.
    """

    bits: int = 8
    signed: bool = True
    symmetric: bool = True
    axis: int | None = None

    def __post_init__(self) -> None:
        if type(self.bits) is not int or self.bits not in range(FEWEST_BITS, MOST_BITS + 1):
            raise Mistake(f"bits is {self.bits!r}; give a whole number from {FEWEST_BITS} to {MOST_BITS}.")
        if self.symmetric and not self.signed:
            raise Mistake(
                "A symmetric range reaches below 0, so it needs signed numbers: set symmetric=False or signed=True."
            )

    @property
    def lowest(self) -> int:
        """The smallest whole number that can be stored: -128 for int8."""
        return -(2 ** (self.bits - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest: 127 for int8, 255 for uint8."""
        return self.lowest + 2**self.bits - 1

    @property
    def storage(self) -> torch.dtype:
        """What a tensor of them is kept in here: one byte each, also for fewer than 8 bits."""
        return torch.int8 if self.signed else torch.uint8

    @property
    def scheme(self) -> str:
        """Such as "symmetric, per channel"."""
        shared = "per tensor" if self.axis is None else "per channel"
        return f"{'symmetric' if self.symmetric else 'asymmetric'}, {shared}"

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.bits}, {self.scheme}"


SCHEMES: dict[str, tuple[bool, int | None]] = {  # symmetric, axis
    "symmetric, per tensor": (True, None),
    "asymmetric, per tensor": (False, None),
    "symmetric, per channel": (True, 0),
    "asymmetric, per channel": (False, 0),
}


def weight_type(bits: int, scheme: str = "symmetric, per channel") -> QType:
    """A signed type for weights; `scheme` is one of `SCHEMES`.

    Raises:
        Mistake: unknown scheme or number of bits.
    """
    if scheme not in SCHEMES:
        raise Mistake(f"There is no scheme {scheme!r}; choose one of: {'; '.join(SCHEMES)}.")
    symmetric, axis = SCHEMES[scheme]
    return QType(bits, signed=True, symmetric=symmetric, axis=axis)


def activation_type(bits: int) -> QType:
    """An unsigned type for what flows between the layers: after a ReLU nothing is negative, and a sign would waste a bit."""
    return QType(bits, signed=False, symmetric=False)
