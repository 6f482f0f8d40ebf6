"""Ship it under a budget: a model, an engine and a batch size, measured for real against what a job allows.

Reading order: `scenarios` (what a job allows), `candidates` (what is shipped), `trial` (does a network answer), `memory` and `child` (a fresh process that runs it),
`measuring` (the five quantities), `judging` (by how much each budget is met or missed), `choosing` (which candidate to take),
`practice` (what the exercise measures).

Nothing is imported here: the fresh process whose memory counts imports this package, and must not get PyTorch with it.
"""
