"""Throwing weights away: single weights set to zero, or whole channels taken out. Pure functions; each returns a copy.

Reading order: `masks` (zeros, which keep the arrays as large as they were), `schedule` (zeros that become more in the course of a
training), `two_of_four` (zeros in the pattern that some GPUs skip), `channels` (smaller arrays, from scratch), `structured`
(smaller arrays in networks with branches, by torch-pruning).
"""

from lessons_lib.pruning.channels import channel_importance, keep_channels, narrowed, prunable_layers, remove_channels
from lessons_lib.pruning.masks import Hold, magnitude_mask, magnitude_masks, masked, sparsity, zipped_bytes
from lessons_lib.pruning.schedule import Gradual, cubic
from lessons_lib.pruning.structured import coupled, groups_table, remove_coupled, torch_pruning_missing
from lessons_lib.pruning.two_of_four import two_of_four

__all__ = [
    "Gradual", "Hold", "channel_importance", "coupled", "cubic", "groups_table", "keep_channels",
    "magnitude_mask", "magnitude_masks", "masked", "narrowed", "prunable_layers", "remove_channels", "remove_coupled",
    "sparsity", "torch_pruning_missing", "two_of_four", "zipped_bytes",
]  # fmt: skip
