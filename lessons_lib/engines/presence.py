"""Which engines this machine can run, and what the others lack."""

import importlib.util
import shutil

import torch

OPENVINO = 'pip install "openvino>=2026.0" "nncf>=3.0"'
# The compute capability from which a GPU has it. Source: NVIDIA, CUDA C++ Programming Guide, tensor cores; Triton's README.
NEEDS = {"GPU TF32": (8, 0), "GPU bfloat16": (8, 0), "GPU compiled": (7, 0)}


def lacking(*packages: str) -> list[str]:
    """The packages that are not installed."""
    return [name for name in packages if not importlib.util.find_spec(name)]


def why_not(name: str, gpu: str | torch.device = "cuda") -> str | None:
    """Why this machine cannot run an engine, in a sentence; None where it can."""
    if name.startswith("GPU"):
        return _why_no_gpu(name, gpu)
    absent = lacking("onnx", "onnxscript", "onnxruntime") if name.startswith("ONNX") else []
    if absent:
        return f"{name}: {' and '.join(absent)} not installed; `pip install {' '.join(absent)}` brings it."
    if name.startswith("OpenVINO"):
        absent = lacking("onnx", "onnxscript", "openvino", *(["nncf"] if name.endswith("int8") else []))
        return f"{name}: {' and '.join(absent)} not installed; `{OPENVINO}` brings it." if absent else None
    return None


def _why_no_gpu(name: str, gpu: str | torch.device) -> str | None:
    if not torch.cuda.is_available():
        return f"{name}: PyTorch sees no NVIDIA GPU here."
    capability = torch.cuda.get_device_capability(gpu)
    has = ".".join(map(str, capability))
    if not built_for(capability):
        return (
            f"{name}: this machine's GPU is there (compute capability {has}), but too old or too new for this PyTorch."
        )
    if capability < NEEDS.get(name, (0, 0)):
        needed = ".".join(map(str, NEEDS[name]))
        return f"{name}: this machine's GPU is too old; it needs compute capability {needed} or newer, and this one has {has}."
    if name == "GPU compiled" and (lacking("triton") or not any(map(shutil.which, ("cc", "gcc", "clang")))):
        return f"{name}: torch.compile needs Triton and a C compiler, and one of them is not installed."
    return None


def built_for(capability: tuple[int, int]) -> bool:
    """Whether this PyTorch holds programs that a GPU of this compute capability can run.

    Source: NVIDIA, CUDA C++ Programming Guide, binary compatibility ("sm": within the major version, from its minor version
    on) and PTX compatibility ("compute": compiled on the spot for anything newer).
    """
    if not torch.version.cuda or not torch.cuda.get_arch_list():
        return True
    return any(_runs(arch, capability) for arch in torch.cuda.get_arch_list())


def _runs(arch: str, capability: tuple[int, int]) -> bool:
    kind, _, digits = arch.partition("_")
    if not digits.isdigit():  # such as sm_90a: for this one alone
        return digits.rstrip("af") == f"{capability[0]}{capability[1]}"
    needed = divmod(int(digits), 10)
    return needed <= capability and (kind == "compute" or needed[0] == capability[0])
