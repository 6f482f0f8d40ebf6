"""What a report is called, and how it is written so that its checksum depends on what it says."""

from lessons_lib.canonical import canonical, checksum, parse

__all__ = ["FORMAT", "KIND", "canonical", "checksum", "parse"]

KIND = "report of Training and Inference, Measured"
FORMAT = 1
