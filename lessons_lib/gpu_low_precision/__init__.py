"""Fewer bits on a GPU: 16 bits, and int8 or fp8 through torchao where the hardware has them.

torchao quantizes linear layers; so what is measured is a stack of them (`linear_stack`, lesson 06) and a vision transformer (`sweep`), and
`convolutions` shows what would become of a network of convolutions.

Reading order: `hardware`, `conversion`, `calls`, `linear_stack`, `sweep`, `convolutions`.
"""

from lessons_lib.gpu_low_precision.conversion import converted, relative_difference
from lessons_lib.gpu_low_precision.hardware import INSTALL, NEEDS, THROUGH_TORCHAO, Machine, available, machine, missing
from lessons_lib.gpu_low_precision.linear_stack import measure, stack, table

__all__ = [
    "INSTALL", "NEEDS", "THROUGH_TORCHAO", "Machine", "available", "converted", "machine", "measure", "missing",
    "relative_difference", "stack", "table",
]  # fmt: skip
