"""What one machine can do, measured by one command and kept in one file: `python run.py record`.

Reading order: `findings`, `shipped_weights`, `context`, `part`, `parts`; `device_block` and `clocks`, which say what was measured on;
`private` and `plain`, which make findings fit for a file; `one_part`, `kept`, which survives a stop, `interrupts`, `recorder`; `options`
and `command`; `nearest` and `show`, which put a record beside a lesson's own figures. The file itself is in `machine_file`.
"""
