"""Helpers for the course "Training and Inference, Measured".

Reading order, from the ground floor up; a file imports only from those named before it:

0. `allocator`, `explained`, `queueing`, `profiles`, `machine`, `canonical`, `machine_label`, `device`, `tf32`, `tables`, `live`, `say`, `signs`, `models`, `vit`, `augment`, `label_noise`, `confusion`, `pruning`, `quantization`
1. `timing`, `paired`, `latencies`, `timing_mistakes`, `paired_answers`, `datasets`
2. `history`, `time_to_accuracy`, `resume`, `training`, `distillation`, `scaling`, `training_memory`, `modes`, `training_steps`, `step_profile`, `study`, `findings`, `quantization_told`, `onnx_graph`, `onnx_session`, `engine_profile`, `engine_conv`, `engines`, `graph_view`
3. `record`, `checkpoints`, `transfer`, `few_bits_training`, `gpu_low_precision`, `int8_claim`, `batching`, `roofline`, `wide`, `serving`, `step_cost`, `inference_claims`, `pruning_study`, `training_batches`, `peak_arithmetic`, `gpu_training`, `configuration`, `grid`, `compare`, `machine_file`, `recorded`, `exported`, `pooled`, `saturation`, `break_even`, `thread_counts`, `cold_start`, `energy`, `device_claims`, `scaling_told`, `economics`, `drift`, `capstone`, `rollout`, `gpu_inference`, `machine_record`
4. `plots`
5. `bootstrap`, `ledger`, `checks`, `report`, `widgets`
6. `setup_missing`, `doctor`, `headless`, `course`

Nothing is re-exported: write `from lessons_lib.timing import measure`.
"""

from lessons_lib import allocator, machine

# Both have to happen before torch is imported, so they cannot wait for a caller; they cost under a millisecond.
allocator.keep_freed_memory()
machine.limit_threads()
