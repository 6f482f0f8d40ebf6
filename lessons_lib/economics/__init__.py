"""What a model costs over its life: training, serving, energy, and what each input and each optimisation is worth.

Reading order: `refusing`, `training`, `serving` (plain numbers in, plain numbers out), `units`, `folded`, `inputs`, `assumptions`, `growth`,
`trace`, `formulas`, `crossing`, `shares`, `sensitivity`, `ends`, `own`, `on_record`, `savings`, `claims`, `verdicts`, `told`, `handed_on`.
"""
