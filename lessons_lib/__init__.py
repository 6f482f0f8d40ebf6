"""Helpers for the course "Training and Inference, Measured".

Reading order, from the ground floor up; a file imports only from floors below its own:

0. `profiles`, `device`, `signs`, `models`, `pruning`
1. `datasets`, `timing`
2. `training`, `engines`
3. `batching`, `compare`, `record`
4. `plots`
5. `widgets`, `checks`
6. `course`

Nothing is re-exported: write `from lessons_lib.timing import measure`.
"""

from lessons_lib import allocator

# Has to happen before torch is imported, so it cannot wait for a caller; it costs microseconds.
allocator.keep_freed_memory()
