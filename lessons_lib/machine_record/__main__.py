"""`python -m lessons_lib.machine_record`: what `run.py record` starts in the virtual environment."""

import sys

from lessons_lib.machine_record.command import main

sys.exit(main())
