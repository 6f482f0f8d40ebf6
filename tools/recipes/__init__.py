"""The search for the fewest steps and seconds to a given accuracy on Fashion-MNIST; `tools/bench_recipe.py` runs it.

Reading order: `variant`, `network`, `muon`, `average`, `run`, `study`, `page`.
"""
