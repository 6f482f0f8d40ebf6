"""Lesson 08 with Ray Serve in its plot. Writes docs/benchmarks/serving.md and serving.png.

    python tools/bench_serving.py                  # two minutes and 2.4 GB on an otherwise idle machine; needs ray[serve]

The quick profile of the lesson leaves Ray Serve out, since its processes need more memory than the course asks for.
"""

import argparse
import base64
import datetime
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
import papermill
from nbformat import NotebookNode

from lessons_lib.device import fingerprint
from lessons_lib.serving import ray_local

ROOT = Path(__file__).resolve().parent.parent
LESSON = ROOT / "notebooks" / "08_batching.ipynb"
PAGES = ROOT / "docs" / "benchmarks"
COMPARED = "with all servers measured"  # in the caption of the plot


def executed(scratch: Path) -> NotebookNode:
    """The lesson, run to its end with Ray Serve and a new learner's folder."""
    os.environ["LESSONS_HOME"] = str(scratch / "home")
    done = scratch / LESSON.name
    papermill.execute_notebook(
        LESSON, done, {"RAY": True}, kernel_name="python3", cwd=LESSON.parent, progress_bar=False
    )
    return nbformat.read(done, as_version=4)


def shown(notebook: NotebookNode) -> list[dict[str, str]]:
    """What the cells displayed, by type of content, in order."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.data for output in outputs if output.output_type == "display_data"]


def picture(html: str) -> tuple[bytes, str, str]:
    """The PNG in a displayed picture, its text alternative and the table that goes with it."""
    image = re.search(r'src="data:image/png;base64,([^"]+)"', html)
    text = re.search(r'alt="([^"]*)"', html)
    table = re.search(r"<table>.*?</table>", html, re.DOTALL)
    if not (image and text and table):
        raise ValueError("the plot of the lesson holds no PNG, no text alternative or no table")
    return base64.b64decode(image[1]), text[1], table[0]


def page(text: str, table: str, sentence: str) -> str:
    """The page for docs/benchmarks."""
    machine = fingerprint()
    versions = ", ".join(f"{name} {machine['packages'].get(name)}" for name in ("torch", "onnxruntime"))
    import ray

    return "\n".join(
        [
            "# One by one, in batches, and behind Ray Serve",
            "",
            f"Written by `python tools/bench_serving.py` on {datetime.date.today().isoformat()}: {machine['cpu']}, "
            f"{machine['cpu_limit']:g} cores; {versions}, ray {ray.__version__}. Lesson 08 in the quick profile with `RAY = True`: the "
            "same model, the same arrivals of an open-loop load; client and servers share the cores.",
            "",
            f"![{text}](serving.png)",
            "",
            table,
            "",
            sentence,
            "",
        ]
    )


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if lacking := ray_local.missing():
        print(lacking)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        outputs = shown(executed(Path(scratch)))
    at = next(i for i, output in enumerate(outputs) if COMPARED in output.get("text/html", ""))
    image, text, table = picture(outputs[at]["text/html"])
    sentence = next(output["text/markdown"] for output in outputs[at:] if "text/markdown" in output)
    (PAGES / "serving.png").write_bytes(image)
    (PAGES / "serving.md").write_text(page(text, table, sentence), encoding="utf-8")
    print((PAGES / "serving.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
