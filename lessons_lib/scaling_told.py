"""What came out of training on several processes, in sentences."""

from lessons_lib.scaling import Layouts, ScalingResult
from lessons_lib.training_memory import in_words


def layouts_told(layouts: Layouts) -> str:
    """Several processes against one thread, and against as many threads, with the scaling efficiency."""
    one, _, several = layouts.names
    middle, low, high = layouts.efficiency(several)
    return (
        f"Against one process with one thread: **{layouts.verdict(several, one)}**. (The ratio is taken turn by "
        f"turn, so it may differ a little from that of the two medians above.) **Scaling efficiency** is the throughput of all "
        f"processors over that of one times their number, 100 % at best; here it is **{middle:.0%}** ({low:.0%} to {high:.0%}). "
        f"Against one process with as many threads: **{layouts.processes_against_threads}**."
    )


def exchange_told(result: ScalingResult) -> str:
    """What the exchange of the gradients does, whether it does it exactly, and what it costs."""
    fixed, own = result.gradient_difference.values()
    equal = "equal, bit for bit" if result.equal_weights else "not equal"
    cost = result.exchange_verdict
    return (
        f"Before the exchange each process knows its own images only; after it all hold the mean. That is the gradient of the "
        f"joined batch, to within {fixed:.0e} of its length. (In training, batch norm looks at each process's own images; "
        f"that alone changes the gradient by {own:.0%}.) After {result.steps} steps the weights of all {result.processes} "
        f"processes are **{equal}**. In each step every process sends {in_words(result.bytes_per_step)}, which takes "
        f"{result.allreduce_ms_per_step:.2g} ms on its own; steps without the exchange, against those with it: **{cost}**."
    )


def resumed_told(again: ScalingResult, whole: ScalingResult) -> str:
    """Where a training went on after an accident, and whether it ended with the weights of the one without."""
    same = "the same as" if again.weight_digests == whole.weight_digests else "not those"
    return f"It went on from step {again.started_at} to {again.steps}; the weights are {same} without the accident."
