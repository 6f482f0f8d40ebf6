"""Builds the notebooks from the sources in lessons/, and brings edits of a notebook back into its source.

Reading order:

1. `percent`: a source is text; text to cells and back
2. `solutions`: the parts of an exercise that learners do not get to see
3. `setup_cell`, `notebook`: source cell to notebook cell and back
4. `project`: which notebook belongs to which source
5. `outputs`, `execution`: running a notebook, and what may be stored of it
6. `make`, `check`, `back`: the three things that `tools/build.py` does
"""
