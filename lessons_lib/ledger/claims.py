"""The claims that the course holds against measurements, in the order in which the ledger shows them."""

from dataclasses import dataclass
from urllib.parse import quote

LESSONS = {
    "00": "00_start_here",
    "01": "01_training",
    "02": "02_fast_training",
    "03": "03_generalising",
    "04": "04_transfer",
    "05": "05_inference",
    "06": "06_quantization",
    "07": "07_pruning",
    "08": "08_batching",
    "09": "09_cpu_vs_gpu",
    "10": "10_economics",
    "11": "11_production",
    "12": "12_capstone",
}


@dataclass(frozen=True)
class Claim:
    """Something that texts on this subject repeat.

    key: names it in the record. said: the claim in a sentence. lesson: two digits, where it is measured.
    heading: of that lesson, above the cell that measures it. predictions: the names of those that belong to it.
    """

    key: str
    said: str
    lesson: str
    heading: str
    predictions: tuple[str, ...] = ()

    @property
    def link(self) -> str:
        """The cell, as a path from the project's folder: "notebooks/06_quantization.ipynb#The-real-engine"."""
        return f"notebooks/{LESSONS[self.lesson]}.ipynb#{quote(anchor(self.heading), safe='?,:')}"


def anchor(heading: str) -> str:
    """The anchor that JupyterLab and nbconvert give a heading."""
    return heading.replace(" ", "-")


CLAIMS = (
    Claim("int8_claim", "32-bit to 8-bit cuts memory about fourfold, speeds inference up, and costs no significant accuracy.",
          "06", "The real engine", ("06.int8", "06.bits")),
    Claim("pruning_claim", "Pruning gives leaner models that run faster and keep their performance.",
          "07", "Everything side by side", ("07.zeros", "07.channels")),
    Claim("batching_claim", "Batching maximises hardware use and throughput.", "08", "Measure", ("08.gain",)),
    Claim("transfer_saves", "Transfer learning cuts training time by up to 90 % at equal accuracy.",
          "04", "How much time does it save?", ("04.saved",)),
    Claim("regularisation", "Augmentation (rotation, scaling, noise) prevents overfitting; dropout and weight decay do too.",
          "03", "Which remedy helps?", ("03.remedy",)),
    Claim("data_quality", "The quality of the data sets the quality of the model.", "03", "What do wrong labels cost?", ("03.noise",)),
    Claim("training_memory", "Training visits the data many times and needs far more memory than inference.",
          "05", "What does a step cost?", ("02.memory",)),
    Claim("inference_faster", "A single prediction takes milliseconds; inference is always faster than training.",
          "05", "What does a step cost?", ("05.cost",)),
    Claim("delay_hurts", "A delay of 100 ms already hurts; autonomous systems want less than a millisecond.",
          "09", "Two claims, judged", ("05.deadline",)),
    Claim("same_hardware", "Training wants high-end GPUs, inference often runs well on CPUs; one can, but should not, use "
          "the same hardware for both.", "09", "Two claims, judged", ("09.fastest",)),
    Claim("budget_shares", "80 to 90 % of the budget goes to training, and 80 to 90 % of the lifetime cost goes to "
          "inference.", "10", "80 to 90 per cent of what?", ("10.overtakes",)),
    Claim("half_million", "A model trained for $100,000 costs $500,000 a year to serve; a GPU-hour costs $2 to 8 in "
          "training, $0.10 to 0.50 in serving.", "10", "The other claims, worked out", ("10.overtakes",)),
    Claim("ten_ms_or_20_percent", "10 ms less latency or 20 % less size saves substantially over millions of predictions.",
          "10", "The other claims, worked out", ("10.matters",)),
    Claim("drift_decays", "Accuracy decays as production data drifts; monitoring detects it and triggers retraining.",
          "11", "What do they find?", ("11.worst", "11.signal")),
    Claim("versions_roll_out", "Several versions run at once, rolled out gradually, with a fallback.",
          "11", "On the road", ("11.requests",)),
    Claim("cannot_skip_training", "One cannot skip training, but pre-trained models shorten it.",
          "04", "How much time does it save?", ("04.few",)),
    Claim("inference_share", "Inference is about 90 % of the computing done in production; models train once and serve "
          "millions.", "10", "The other claims, worked out", ("10.overtakes",)),
    Claim("gpu_prices", "Training GPUs cost $10,000 to 30,000 each; a large language model's run costs $5 to 10 million.",
          "10", "The other claims, worked out", ("10.gpus",)),
    Claim("retraining_rhythm", "Data drift decides how often to retrain: years for a static task, weeks for fraud or "
          "recommendation.", "11", "A year of it", ("11.rhythm",)),
)  # fmt: skip
