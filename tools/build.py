"""Builds the notebooks from the sources in lessons/.

python tools/build.py                                  build what is out of date
python tools/build.py --check                          say what is out of date or broken; writes nothing
python tools/build.py --back notebooks/01_training.ipynb   bring an edit made in JupyterLab into the source
"""

import argparse
import sys
from pathlib import Path

from building.back import bring_back, notes
from building.check import check
from building.make import make
from building.percent import BuildError
from building.project import Project


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0 where all is well.
    """
    options = _parse(arguments)
    project = Project(options.root.resolve())
    try:
        if options.back:
            return _bring_back(project, options.back, options.force)
        targets = project.targets(options.only)
        if options.check:
            problems = check(project, targets)
        else:
            problems = make(project, targets, force=options.force, run=not options.no_execute)
    except BuildError as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 and name each notebook that is not right"
    )
    what.add_argument("--back", type=Path, metavar="NOTEBOOK", help="bring an edit of this notebook into its source")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NN[,NN]", help="only these lessons")
    parser.add_argument("--force", action="store_true", help="execute all; with --back: the notebook wins")
    parser.add_argument("--no-execute", action="store_true", help="leave notebooks whose code changed without outputs")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="the project, if not this one")
    return parser.parse_args(arguments)


def _bring_back(project: Project, path: Path, force: bool) -> int:
    change = bring_back(project, path, force=force)
    print(change or "The source says the same already.")
    for note in notes(project, path):
        print(note)
    if change:
        print(f"Now run `python tools/build.py --only {path.stem[:2]}` and reload the notebook in JupyterLab.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
