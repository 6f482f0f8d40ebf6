"""Predict before you measure: a question with a few answers, kept in the learner's record."""

import html
from collections.abc import Sequence

from lessons_lib import record
from lessons_lib.widgets.fallback import have_widgets, show
from lessons_lib.widgets.keyboard import choice

SKIPPED = "no prediction"


def predict(name: str, question: str, options: Sequence[str], answer: str | None = None) -> None:
    """Ask for a prediction; the learner may pass it over and go on.

    Args:
        name: such as "09.int8"; names the prediction in the record. question: ends with a question mark.
        options: two or more answers. answer: give one of the options here to answer without the widget.

    Raises:
        ValueError: `answer` is none of the options.
    """
    if answer is not None and answer not in options:
        raise ValueError(f"{answer!r} is none of the answers to {name}; choose one of: {'; '.join(options)}.")
    if answer is not None:
        record.append("prediction", name=name, question=question, answer=answer)
    if not have_widgets():
        print(_text(question, options, _latest(name)))
        return
    import ipywidgets

    earlier = _latest(name)
    buttons = choice(options=options, upright=True)
    buttons.value = earlier if earlier in options else None
    kept = ipywidgets.HTML(_kept(earlier))

    def keep(change: dict) -> None:
        if change["new"] is not None:
            saved = record.append("prediction", name=name, question=question, answer=change["new"])
            kept.value = _kept(change["new"], saved)

    buttons.observe(keep, "value")
    asked = ipywidgets.HTML(f"<b>{html.escape(question)}</b>")
    listed = "".join(f"<li>{html.escape(option)}</li>" for option in options)
    show(
        ipywidgets.VBox([asked, buttons, kept]),
        html=f"<p><b>{html.escape(question)}</b></p><ul>{listed}</ul>",
        text=_text(question, options, earlier),
    )


def predicted(name: str) -> str:
    """The learner's latest prediction of this name, or "no prediction", to stand beside the result.

    That the result was shown goes into the record: what is answered from then on is no prediction any more.
    """
    record.append("result shown", name=name)
    return _latest(name)


def _latest(name: str) -> str:
    event = record.latest("prediction", name)
    return str(event["answer"]) if event else SKIPPED


def _text(question: str, options: Sequence[str], earlier: str) -> str:
    answers = "\n".join(f"  - {option}" for option in options)
    return f"{question}\n{answers}\nYour prediction: {earlier}. (Pass it over if you like, or give it as answer=...)"


def _kept(answer: str, saved: bool = True) -> str:
    if answer == SKIPPED:
        return "Choose one, or go on without."
    told = "kept in your record" if saved else "not kept: the folder of your record cannot be written"
    return f'<span role="status">Your prediction: <b>{html.escape(answer)}</b> ({told}).</span>'
