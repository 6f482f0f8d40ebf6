"""Turns one executed notebook into a piece of a page that needs no script, no server and no internet."""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
SCRIPTS = ("application/javascript", "application/vnd.bokehjs_exec.v0+json", WIDGET_VIEW)
FORBIDDEN = ("script", "iframe", "link", "object", "embed", "base", "meta", "audio", "video", "source")
LOADING = ("src", "srcset", "poster", "background", "data", "xlink:href", "action", "formaction")
ELSEWHERE = re.compile(r"url\(\s*['\"]?(?!data:|#)|@import", re.IGNORECASE)


def lesson_html(notebook: Any, name: str, folder: Path, lessons: list[str]) -> str:
    """The body of an executed notebook as HTML, its headings below those of the page.

    Args:
        notebook: the executed notebook.
        name: the lesson, for example "01_training"; makes the anchors unique.
        folder: where pictures named in the text lie.
        lessons: the lessons of the page; links to one of them become anchors, other relative links plain text.
    """
    exporter = HTMLExporter(template_name="basic", embed_images=True)
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    body, _ = exporter.from_notebook_node(without_scripts(notebook), {"metadata": {"path": str(folder)}})
    soup = BeautifulSoup(body, "html.parser")
    remove_loading(soup)
    settle_links(soup, name, lessons)
    for tag in soup.find_all(re.compile("^h[1-5]$")):
        tag.name = f"h{int(tag.name[1]) + 1}"
    for number, image in enumerate(soup.find_all("img"), start=1):
        if not image.get("alt") or str(image["alt"]).startswith("No description"):
            image["alt"] = f"Figure {number} of lesson {name}"
    return str(soup)


def without_scripts(notebook: Any) -> Any:
    """A copy whose outputs hold text, tables and pictures alone; widgets become what they show at rest."""
    copy = deepcopy(notebook)
    copy.cells = [cell for cell in copy.cells if "setup" not in cell.metadata.get("tags", [])]
    models = copy.metadata.pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for cell in copy.cells:
        if cell.cell_type == "code":
            for output in cell.outputs:
                settle(output, models)
            cell.outputs = [output for output in cell.outputs if output.get("data") != {}]
            if "computed" in cell.metadata.get("tags", []):  # prose: what it says is all there is to see
                cell.metadata["transient"] = {"remove_source": True}
    return copy


def settle(output: Any, models: dict[str, Any]) -> None:
    """Take scripts, widget views and terminal colours out of one output."""
    if output.output_type == "stream":
        output.text = strip_ansi(output.text)
    elif output.output_type == "error":
        output.traceback = [strip_ansi(line) for line in output.traceback]
    elif any(kind in output.data for kind in SCRIPTS):
        view = output.data.get(WIDGET_VIEW)
        output.data = {key: value for key, value in output.data.items() if key not in SCRIPTS}
        if view:
            output.data["text/html"] = at_rest(view["model_id"], models)


def at_rest(model_id: str, models: dict[str, Any]) -> str:
    """What a widget shows without a kernel: the texts and pictures in it, and that there is more in JupyterLab."""
    shown = "".join(f"<div>{value}</div>" for value in contents(model_id, models, set()))
    return f'{shown}<p class="note">Interactive: run the notebook in JupyterLab to use it.</p>'


def contents(model_id: str, models: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """The HTML within a widget and its children, in order."""
    state = models.get(model_id, {}).get("state", {})
    if not state or model_id in seen:
        return
    seen.add(model_id)
    if state.get("_model_name") in ("HTMLModel", "HTMLMathModel"):
        yield state.get("value", "")
    for child in state.get("children", []):
        yield from contents(str(child).removeprefix("IPY_MODEL_"), models, seen)


def remove_loading(soup: BeautifulSoup) -> None:
    """Take out whatever runs code or fetches something from outside the page."""
    for tag in soup.find_all(FORBIDDEN):
        tag.decompose()
    for tag in soup.find_all(True):
        for key in list(tag.attrs):
            value = str(tag[key])
            outside = key in LOADING and not value.startswith("data:image/")
            if outside or key.startswith("on") or (key == "style" and ELSEWHERE.search(value)):
                del tag[key]
        if tag.name == "style" and ELSEWHERE.search(tag.get_text()):
            tag.decompose()


def settle_links(soup: BeautifulSoup, name: str, lessons: list[str]) -> None:
    """Make anchors unique to the lesson, and links to files of the project anchors or plain text."""
    for tag in soup.find_all(id=True):
        tag["id"] = f"{name}.{tag['id']}"
    for link in soup.find_all("a"):
        target = str(link.get("href", ""))
        lesson = Path(target.partition("#")[0]).stem
        if "anchor-link" in (link.get("class") or []):  # the sign that nbconvert puts behind headings
            link.decompose()
        elif target.startswith("#"):
            link["href"] = f"#{name}.{target[1:]}"
        elif "exercises/" not in target and "solutions/" not in target and lesson in lessons:
            link["href"] = f"#{lesson}"
        elif not target.startswith(("http://", "https://", "mailto:")):
            link.unwrap()
