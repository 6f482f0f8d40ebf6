"""Helpers for the course "Training and Inference, Measured".

Reading order, from the ground floor up; a file imports only from those named before it:

0. `allocator`, `explained`, `profiles`, `machine`, `device`, `tables`, `live`, `say`, `signs`, `models`, `augment`, `label_noise`, `confusion`, `pruning`
1. `timing`, `paired`, `datasets`
2. `history`, `time_to_accuracy`, `resume`, `training`, `scaling`, `training_memory`, `training_steps`, `step_profile`, `study`, `findings`, `onnx_graph`, `engines`
3. `record`, `checkpoints`, `transfer`, `batching`, `training_batches`, `grid`, `compare`, `recorded`, `scaling_told`
4. `plots`
5. `widgets`, `checks`
6. `setup_missing`, `bootstrap`, `doctor`, `headless`, `course`

Nothing is re-exported: write `from lessons_lib.timing import measure`.
"""

from lessons_lib import allocator, machine

# Both have to happen before torch is imported, so they cannot wait for a caller; they cost under a millisecond.
allocator.keep_freed_memory()
machine.limit_threads()
