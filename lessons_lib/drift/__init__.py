"""What breaks after launch: images drift away from what a model learned from, and detectors that notice without labels.

Reading order: `corruptions` and `kinds` (ways to drift), `signals` (what is watched), `psi`, `ks` and `mmd` (distances between a week
and the reference), `detectors`, `weeks` (many weeks at once), `alarms` (false alarms, power, delay), `textbook` (usual rules), `cost` (which threshold),
`year` (when to train anew), `retraining` (what that brings back and costs), `told`, `told_costs` and `claims` (sentences),
`parameters` (the learner's).
"""
