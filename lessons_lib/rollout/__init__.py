"""Versions of a model: kept in a registry, tried on a share of the traffic, promoted or rolled back by a sequential test.

Reading order: `files`, `card`, `registry`; `evidence`, `policy`, `guard`, `router`, `shadow`; `simulation`, `replay`, `told`.
None of them needs PyTorch: a version is a dictionary of numpy arrays on disk, and any callable `predict` behind the router;
`networks` joins them to PyTorch.
"""

from lessons_lib.rollout.guard import Failed, Guard
from lessons_lib.rollout.policy import Decision, Policy, Tally, decide
from lessons_lib.rollout.registry import Damaged, Registry, Version
from lessons_lib.rollout.replay import Replay, replay
from lessons_lib.rollout.router import Router, Served, bucket
from lessons_lib.rollout.shadow import Shadow
from lessons_lib.rollout.simulation import Outcomes, follow, simulate

__all__ = [
    "Damaged", "Decision", "Failed", "Guard", "Outcomes", "Policy", "Registry", "Replay", "Router", "Served", "Shadow",
    "Tally", "Version", "bucket", "decide", "follow", "replay", "simulate",
]  # fmt: skip
