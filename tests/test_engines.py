import copy
import importlib.util
import subprocess
import sys

import pretended_gpu
import pytest
import torch
from samples import dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import batching, engines, models, onnx_graph, tf32
from lessons_lib.engines import cuda_graph, openvino_engine
from lessons_lib.engines.padding import pad_colours
from lessons_lib.engines.resident import Form, Resident

OPENVINO = [
    pytest.param(name, marks=pytest.mark.skipif(bool(engines.missing(name)), reason=str(engines.missing(name))))
    for name in engines.OPTIONAL_NAMES
]
CASES = [("small", 1, 28), ("vgg", 3, 32), ("resnet", 3, 28), ("resnet", 1, 32)]


@pytest.fixture(scope="module", params=CASES, ids=[f"{name} {channels}x{size}" for name, channels, size in CASES])
def built(request):
    name, channels, size = request.param
    data = dataset(channels=channels, size=size)
    model = learnt(name, channels, size)
    calibration = models.to_input(data.train.images)
    made = engines.build(engines.CPU_NAMES, model, data.image_shape, calibration, threads=1)
    return model, models.to_input(data.test.images), made


def eager_float32(model, x):
    """The oracle: the module itself, called plainly."""
    with torch.no_grad():
        return copy.deepcopy(model).eval()(x)


@pytest.mark.parametrize("batch", [1, 2, 65])
@pytest.mark.parametrize("name", engines.CPU_NAMES)
def test_every_engine_agrees_with_eager_float32_within_its_tolerance(built, name, batch):
    model, images, made = built
    x = images.repeat(2, 1, 1, 1)[:batch]
    expected, engine = eager_float32(model, x), made[name]
    logits = engine(x)
    assert logits.shape == expected.shape
    assert logits.dtype == torch.float32
    assert logits.device.type == "cpu"
    assert (logits - expected).abs().max() <= engine.tolerance * expected.abs().max()


@pytest.mark.parametrize("name", engines.CPU_NAMES)
def test_an_engine_leaves_its_input_alone_and_takes_any_layout(built, name):
    _, images, made = built
    x = images[:4].contiguous(memory_format=torch.channels_last)
    before = x.clone()
    assert torch.allclose(made[name](x), made[name](before.contiguous()), atol=1e-4)
    assert torch.equal(x, before)
    assert torch.equal(made[name].on(x)(), made[name](x))


def test_an_engine_tells_what_it_is(built):
    _, _, made = built
    assert {name: engine.name for name, engine in made.items()} == {name: name for name in engines.CPU_NAMES}
    assert {engine.device for engine in made.values()} == {"cpu"}
    assert [engine.precision for engine in made.values()] == ["float32", "float32", "float32", "int8"]


def test_int8_is_three_times_smaller_and_float32_is_as_large_as_its_weights():
    data = dataset(size=32)
    model = learnt("vgg", 3, 32)
    made = engines.build(engines.CPU_NAMES, model, data.image_shape, models.to_input(data.train.images))
    assert made["eager"].size_bytes == models.size_bytes(model)
    assert made["eager"].size_bytes >= 3 * made["ONNX Runtime int8"].size_bytes
    assert made["ONNX Runtime"].size_bytes == pytest.approx(made["eager"].size_bytes, rel=0.05)


@pytest.fixture(scope="module")
def graphs():
    model = learnt("small", 1, 28)
    plain = onnx_graph.export(model, (1, 28, 28))
    return model, plain, onnx_graph.quantize(plain, models.to_input(dataset(channels=1, size=28).train.images))


def test_the_int8_graph_holds_8_bit_weights_with_a_scale_for_each_channel(graphs):
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_from_string(graphs[2]).graph
    kinds = [node.op_type for node in graph.node]
    assert "QuantizeLinear" in kinds
    assert "DequantizeLinear" in kinds
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made_by = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 3
    for convolution, width in zip(convolutions, (32, 64, 128), strict=True):
        weight = made_by[convolution.input[1]]
        assert weight.op_type == "DequantizeLinear"
        numbers, scales = arrays[weight.input[0]], arrays[weight.input[1]]
        assert numbers.dtype == "int8"
        assert abs(numbers.astype(int)).max() <= 64  # 7 of the 8 bits
        assert scales.shape == (width,)
        assert len(set(scales.tolist())) > 1


def test_the_float32_graph_has_a_free_batch_size_and_no_batch_norm(graphs):
    import onnx

    graph = onnx.load_from_string(graphs[1])
    onnx.checker.check_model(graph)
    (entry,) = graph.graph.input
    assert entry.name == "x"
    dimensions = entry.type.tensor_type.shape.dim
    assert not dimensions[0].HasField("dim_value")
    assert [d.dim_value for d in dimensions[1:]] == [1, 28, 28]


def test_exporting_and_quantizing_are_silent(graphs, capfd, recwarn):
    model, plain, _ = graphs
    onnx_graph.export(model, (1, 28, 28))
    onnx_graph.quantize(plain, torch.zeros(8, 1, 28, 28))
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")
    assert not recwarn.list


@pytest.mark.parametrize(("network", "channels"), [("small", 3), ("vgg", 3), ("small", 1), ("resnet", 3)])
def test_padding_colours_gives_the_same_function(network, channels):
    import onnx
    import onnxruntime

    graph = onnx_graph.export(learnt(network, channels, 28), (channels, 28, 28))
    padded = pad_colours(graph)
    onnx.checker.check_model(onnx.load_from_string(padded))
    x = torch.rand(3, channels, 28, 28).numpy()
    before, after = (
        onnxruntime.InferenceSession(g, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for g in (graph, padded)
    )
    assert torch.allclose(torch.tensor(after), torch.tensor(before), atol=1e-5)
    kinds = [node.op_type for node in onnx.load_from_string(padded).graph.node]
    assert ("Pad" in kinds) == (channels == 3)
    assert (padded == graph) == (channels != 3)


def test_without_calibration_images_int8_is_refused():
    with pytest.raises(ValueError, match="needs calibration images"):
        onnx_graph.quantize(b"", torch.zeros(0, 1, 28, 28))


@pytest.mark.parametrize("training", [True, False])
def test_building_engines_leaves_the_model_as_it_was(training):
    model = copy.deepcopy(learnt("resnet", 3, 28)).train(training).to(memory_format=torch.channels_last)
    before = snapshot(model)
    x = models.to_input(dataset(size=28).test.images)
    for engine in engines.build(engines.CPU_NAMES, model, (3, 28, 28), x).values():
        engine(x[:2])
    assert model.training is training
    assert same_weights(
        {k: v.contiguous() for k, v in before.items()}, {k: v.contiguous() for k, v in snapshot(model).items()}
    )
    assert model.blocks[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)
    assert all(p.requires_grad for p in model.parameters())


def test_an_engine_is_not_changed_by_training_that_goes_on():
    model = copy.deepcopy(learnt("small", 1, 28))
    x = models.to_input(dataset(channels=1, size=28).test.images)
    made = engines.build(engines.CPU_NAMES, model, (1, 28, 28), x)
    before = {name: engine(x) for name, engine in made.items()}
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    assert all(torch.equal(engine(x), before[name]) for name, engine in made.items())


@pytest.mark.parametrize("name", models.NAMES)
def test_folding_gives_the_same_function_with_no_batch_norm(name):
    model = copy.deepcopy(learnt(name)).train()
    folded = engines.fold_batch_norm(model)
    x = models.to_input(dataset().test.images)
    assert torch.allclose(folded(x), eager_float32(model, x), atol=1e-4)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert model.training
    assert not folded.training


class Spy(nn.Module):
    """Tells how many threads it runs on."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(1, 1)

    def forward(self, x):
        return torch.full((len(x), 1), float(torch.get_num_threads()))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["eager", "eager, folded"])
def test_an_eager_engine_runs_on_the_threads_it_tells(name, threads):
    outside = torch.get_num_threads()
    engine = engines.build([name], Spy(), (1, 1, 1), torch.zeros(1, 1, 1, 1), threads=threads)[name]
    assert engine.threads == threads
    assert engine(torch.zeros(1, 1, 1, 1)).item() == threads
    assert torch.get_num_threads() == outside


@pytest.mark.parametrize("threads", [1, 2, None])
def test_an_onnx_session_gets_the_threads_it_tells_and_does_not_spin(graphs, monkeypatch, threads):
    import onnxruntime

    model, plain, _ = graphs
    asked = []
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(onnx_graph, "export", lambda *_: plain)
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda graph, options, **more: asked.append(options) or session(graph, options, **more),
    )
    engine = engines.build(["ONNX Runtime"], model, (1, 28, 28), torch.zeros(1, 1, 28, 28), threads=threads)[
        "ONNX Runtime"
    ]
    assert engine.threads == (threads or torch.get_num_threads())
    assert asked[0].intra_op_num_threads == engine.threads
    assert asked[0].get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_the_graph_is_exported_once_for_both_onnx_engines(graphs, monkeypatch):
    model, plain, _ = graphs
    exports = []
    monkeypatch.setattr(onnx_graph, "export", lambda *_: exports.append(1) or plain)
    engines.build(["ONNX Runtime", "ONNX Runtime int8"], model, (1, 28, 28), torch.rand(4, 1, 28, 28))
    assert exports == [1]


def lack(monkeypatch, *packages):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in packages else found(name, *rest)
    )


def test_missing_packages_are_named_with_the_command_that_brings_them(monkeypatch):
    lack(monkeypatch, "onnxruntime", "onnxscript", "openvino")
    reason = engines.missing("ONNX Runtime")
    assert reason == (
        "ONNX Runtime: onnxscript and onnxruntime not installed; `pip install onnxscript onnxruntime` brings it."
    )
    names, sentences = engines.available("cpu")
    assert names == ["eager", "eager, folded"]
    assert len(sentences) == 4
    with pytest.raises(RuntimeError, match="onnxruntime not installed"):
        engines.build(["eager", "ONNX Runtime"], learnt("small"), (3, 16, 16), torch.zeros(1, 3, 16, 16))


def test_without_a_gpu_its_engines_are_left_out_with_a_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    lack(monkeypatch, "openvino")
    without = [engines.missing(name) for name in engines.OPTIONAL_NAMES]
    assert engines.available("cpu") == (list(engines.CPU_NAMES), without)
    names, sentences = engines.available("auto")
    assert names == list(engines.CPU_NAMES)
    sentences = [sentence for sentence in sentences if sentence not in without]
    assert sentences == [f"{', '.join(engines.GPU_NAMES)}: PyTorch sees no NVIDIA GPU here."]
    assert engines.available("auto", engines.GPU_USUAL)[1][-1].startswith(
        "GPU eager, GPU half, GPU graph: PyTorch sees no"
    )


@pytest.mark.parametrize("name", OPENVINO)
@pytest.mark.parametrize(("network", "channels", "size"), CASES)
def test_openvino_agrees_with_eager_float32_within_its_tolerance(name, network, channels, size):
    model = learnt(network, channels, size)
    data = dataset(channels=channels, size=size)
    images = models.to_input(data.test.images).repeat(2, 1, 1, 1)
    engine = engines.build([name], model, data.image_shape, models.to_input(data.train.images), threads=1)[name]
    for batch in (1, 65, 2):
        expected = eager_float32(model, images[:batch])
        logits = engine(images[:batch])
        assert logits.dtype == torch.float32
        assert (logits - expected).abs().max() <= engine.tolerance * expected.abs().max()
    first, before = engine(images[:2]), engine(images[:2]).clone()
    engine(images[2:4])
    assert torch.equal(first, before), "an answer must not change when the next question is asked"


@pytest.mark.parametrize("name", OPENVINO)
def test_openvino_tells_what_has_to_be_stored_and_float32_is_float32(name):
    model = learnt("small", 1, 28)
    x = models.to_input(dataset(channels=1, size=28).train.images)
    engine = engines.build([name], model, (1, 28, 28), x, threads=2)[name]
    assert sorted(engine.files) == ["model.bin", "model.xml"]
    assert engine.size_bytes == sum(map(len, engine.files.values()))
    assert (engine.threads, engine.device) == (2, "cpu")
    weights = models.size_bytes(model)
    bytes_a_weight = {"OpenVINO": 4, "OpenVINO int8": 1}[name]
    assert len(engine.files["model.bin"]) == pytest.approx(weights * bytes_a_weight / 4, rel=0.1)


def test_openvino_is_asked_for_float32_and_the_threads_it_tells():
    settings = openvino_engine.settings(2)
    assert settings["INFERENCE_PRECISION_HINT"] == "f32"
    assert settings["INFERENCE_NUM_THREADS"] == 2


def test_openvino_without_calibration_images_is_refused():
    with pytest.raises(ValueError, match="needs calibration images"):
        openvino_engine.quantize(b"", torch.zeros(0, 1, 28, 28))


QUIET = """
import sys, torch
from lessons_lib import engines, models
model = models.build("small", seed=0)
engines.build(engines.OPTIONAL_NAMES, model, (3, 16, 16), torch.rand(4, 3, 16, 16))
assert sys.modules["openvino_telemetry"] is None, "it could report to its makers"
"""


@pytest.mark.skipif(bool(engines.missing("OpenVINO int8")), reason=str(engines.missing("OpenVINO int8")))
def test_openvino_and_nncf_are_silent_and_report_to_nobody():
    done = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_openvino_a_sentence_says_how_to_get_it(monkeypatch):
    lack(monkeypatch, "nncf")
    assert engines.missing("OpenVINO int8") == (
        'OpenVINO int8: nncf not installed; `pip install "openvino>=2026.0" "nncf>=3.0"` brings it.'
    )
    lack(monkeypatch, "openvino")
    assert engines.missing("OpenVINO").startswith("OpenVINO: openvino not installed;")


def pretend_gpu(monkeypatch, capability):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)


def test_compiling_for_a_gpu_needs_a_recent_one_and_its_tools(monkeypatch):
    pretend_gpu(monkeypatch, (6, 1))
    assert "compute capability 7.0" in engines.missing("GPU compiled")
    assert engines.missing("GPU half") is None
    pretend_gpu(monkeypatch, (9, 0))
    lack(monkeypatch, "triton")
    assert "Triton and a C compiler" in engines.missing("GPU compiled")


def test_an_unknown_engine_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"no engine 'TensorRT'; choose from eager, .*GPU compiled"):
        engines.build(["TensorRT"], learnt("small"), (3, 16, 16), torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize(
    ("capability", "too_old"), [((7, 5), {"GPU TF32", "GPU bfloat16"}), ((8, 0), set()), ((9, 0), set())]
)
def test_a_gpu_that_is_too_old_is_told_apart_from_none(monkeypatch, capability, too_old):
    pretend_gpu(monkeypatch, capability)
    found = {name: engines.missing(name) for name in engines.GPU_NAMES if name != "GPU compiled"}
    assert {name for name, reason in found.items() if reason} == too_old
    for name in too_old:
        assert found[name] == (
            f"{name}: this machine's GPU is too old; it needs compute capability 8.0 or newer, and this one has 7.5."
        )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert engines.missing("GPU bfloat16") == "GPU bfloat16: PyTorch sees no NVIDIA GPU here."


@pytest.mark.parametrize(
    ("built", "capability", "runs"),
    [
        (["sm_75", "sm_80", "sm_90"], (7, 5), True),
        (["sm_75", "sm_80", "sm_90"], (8, 6), True),  # within the major version
        (["sm_75", "sm_80", "sm_90"], (6, 1), False),
        (["sm_75", "sm_80", "sm_90"], (10, 0), False),
        (["sm_80", "compute_90"], (12, 0), True),  # compiled on the spot
        (["sm_86"], (8, 0), False),
        (["sm_80", "sm_90a"], (9, 0), True),
        (["sm_100", "sm_120"], (12, 0), True),
    ],
)
def test_a_pytorch_that_was_not_built_for_a_gpu_is_noticed(monkeypatch, built, capability, runs):
    pretend_gpu(monkeypatch, capability)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: built)
    reason = engines.missing("GPU eager")
    assert (reason is None) == runs
    if reason:
        assert "too old or too new for this PyTorch" in reason


def test_the_gpu_that_is_asked_for_is_the_one_that_is_looked_at_and_used(monkeypatch):
    asked, sources = [], []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: asked.append(str(device)) or (9, 0))
    names, _ = engines.available("cuda:1", ["GPU half"])
    assert (names[-1], asked) == ("GPU half", ["cuda:1"])
    monkeypatch.setitem(engines.MAKERS, "GPU half", sources.append)
    engines.build(["GPU half"], nn.Identity(), (3, 16, 16), torch.zeros(1, 3, 16, 16), gpu=torch.device("cuda:1"))
    assert str(sources[0].gpu) == "cuda:1"
    assert [engines.which_gpu(device) for device in ("auto", "cpu", "cuda", "cuda:1", torch.device("cuda:2"))] == [
        "cuda", "cuda", "cuda", "cuda:1", "cuda:2",
    ]  # fmt: skip


def recorded(call, shape, device):
    """A graph in the manner of CUDA's: the place of its input and that of its answers stay the same."""
    entry = torch.zeros(shape)
    answers = call(entry).clone()
    return cuda_graph.Captured(entry, answers, lambda: answers.copy_(call(entry)))


def as_graphs(call, most=3, capture=recorded):
    return cuda_graph.Graphs(call, torch.device("cpu"), most, capture)


def test_a_graph_is_recorded_once_for_each_shape_and_answers_each_input():
    shapes = []
    graphs = as_graphs(
        lambda x: 2 * x.sum(1), capture=lambda c, shape, d: shapes.append(shape) or recorded(c, shape, d)
    )
    for size in (1, 3, 1, 3):
        x = torch.rand(size, 4)
        assert torch.allclose(graphs(x), 2 * x.sum(1))
    assert shapes == [(1, 4), (3, 4)]


def test_the_number_of_graphs_is_bounded_and_the_one_unused_for_longest_goes():
    graphs = as_graphs(lambda x: x.sum(1), most=2)
    for size in (1, 2, 1, 3):
        graphs(torch.rand(size, 4))
    assert list(graphs.kept) == [(1, 4), (3, 4)]


def test_where_the_memory_is_exhausted_other_graphs_make_room_once():
    def tight(call, shape, device):
        if shape[0] > 8 or (shape[0] > 2 and graphs.kept):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return recorded(call, shape, device)

    graphs = as_graphs(lambda x: x.sum(1), capture=tight)
    graphs(torch.rand(1, 4))
    assert len(graphs(torch.rand(4, 4))) == 4
    assert list(graphs.kept) == [(4, 4)]
    with pytest.raises(torch.OutOfMemoryError):
        graphs(torch.rand(16, 4))


def test_a_model_that_cannot_be_captured_runs_call_by_call_and_says_so():
    def refused(*_):
        raise cuda_graph.CannotCapture("operation not permitted when stream is capturing")

    model, x = learnt("small"), torch.rand(2, 3, 16, 16)
    ready = Resident(model, Form())
    ready.graphs = as_graphs(ready._logits, capture=refused)
    assert torch.allclose(ready(x), eager_float32(model, x), atol=1e-4)
    assert ready.graphs is None
    assert ready.note == (
        "The model cannot become a CUDA graph, so it is run call by call. "
        "PyTorch says: operation not permitted when stream is capturing"
    )


def test_the_first_cause_of_a_failed_capture_counts():
    """The end of a capture that went wrong fails as well, and hides what came before."""

    def failed(first):
        try:
            try:
                raise first
            finally:
                raise RuntimeError("CUDA error: capture was invalidated")
        except RuntimeError as error:
            return cuda_graph._explained(error)

    assert isinstance(failed(torch.OutOfMemoryError("CUDA out of memory.")), torch.OutOfMemoryError)
    told = failed(RuntimeError("a number was asked for\nand a stack"))
    assert isinstance(told, cuda_graph.CannotCapture)
    assert str(told) == "a number was asked for"


def test_a_model_that_is_wrong_is_not_taken_for_one_that_cannot_be_captured():
    ready = Resident(learnt("small"), Form())
    ready.graphs = as_graphs(ready._logits)
    with pytest.raises(RuntimeError, match="channels"):
        ready(torch.rand(2, 5, 16, 16))


@pytest.mark.parametrize("name", [name for name in engines.GPU_NAMES if name != "GPU compiled"])
def test_on_a_pretended_gpu_an_engine_brings_its_answers_back_to_the_cpu(monkeypatch, name):
    with pretended_gpu.pretend(monkeypatch):
        model = models.build("resnet", classes=4, seed=0).eval()
        engine = engines.build([name], model, (3, 16, 16), torch.zeros(1, 3, 16, 16), gpu="cuda:1")[name]
        answers = engine(torch.rand(5, 3, 16, 16))
    assert (answers.device.type, answers.dtype, tuple(answers.shape)) == ("cpu", torch.float32, (5, 4))
    assert (engine.device, engine.where, engine.threads, engine.note) == ("cuda", "cuda:1", None, "")
    assert engine.precision == {"GPU eager": "float32", "GPU TF32": "TF32", "GPU bfloat16": "bfloat16"}.get(
        name, "float16"
    )


def last_gpu():
    """So that nothing holds for the first one only."""
    return torch.device("cuda", torch.cuda.device_count() - 1)


@pytest.mark.gpu
@pytest.mark.parametrize("name", engines.GPU_NAMES)
@pytest.mark.parametrize("network", ["vgg", "resnet"])
def test_gpu_engines_agree_with_eager_float32_within_their_tolerance(name, network):
    reason = engines.missing(name, last_gpu())
    if reason:
        pytest.skip(reason)
    model, switches = learnt(network, 3, 32), tf32.switches()
    x = models.to_input(dataset(size=32).test.images).repeat(2, 1, 1, 1)
    engine = engines.build([name], model, (3, 32, 32), x, gpu=last_gpu())[name]
    assert (engine.device, engine.where, engine.threads, engine.note) == ("cuda", str(last_gpu()), None, "")
    for batch in (1, 3, 64, 1):
        for images in (x[:batch], x.flip(0)[:batch].contiguous(memory_format=torch.channels_last)):
            expected = eager_float32(model, images)
            logits = engine(images)
            assert logits.device.type == "cpu"
            assert (logits - expected).abs().max() <= engine.tolerance * expected.abs().max()
    assert tf32.switches() == switches


@pytest.mark.gpu
def test_a_gpu_engine_keeps_its_first_answer_when_it_is_asked_again():
    model, x = learnt("vgg", 3, 32), models.to_input(dataset(size=32).test.images)
    for name in engines.GPU_USUAL:
        engine = engines.build([name], model, (3, 32, 32), x, gpu=last_gpu())[name]
        first, before = engine(x[:4]), engine(x[:4]).clone()
        second = engine(x[4:8])
        assert torch.equal(first, before)
        assert not torch.allclose(first, second)


@pytest.mark.gpu
def test_on_a_gpu_float32_is_float32_whatever_the_switches_say():
    model, x = learnt("vgg", 3, 32), models.to_input(dataset(size=32).test.images)
    engine = engines.build(["GPU eager"], model, (3, 32, 32), x, gpu=last_gpu())["GPU eager"]
    exact = eager_float32(copy.deepcopy(model).double(), x.double())
    for outside in (True, False):
        with tf32.tf32(outside):
            error = (engine(x).double() - exact).norm() / exact.norm()
        assert error < 1e-4


@pytest.mark.gpu
def test_a_batch_too_large_for_the_gpu_is_a_point_that_says_so():
    device = last_gpu()
    engine = engines.build(["GPU eager"], learnt("vgg", 3, 32), (3, 32, 32), torch.zeros(1, 3, 32, 32), gpu=device)[
        "GPU eager"
    ]
    engine(torch.zeros(64, 3, 32, 32))
    allowed = torch.cuda.memory_allocated(device) + 2**29
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(allowed / torch.cuda.get_device_properties(device).total_memory, device)
    try:
        points = batching.sweep(engine, torch.rand(64, 3, 32, 32), (1, 64, 16384), seconds=0.1, device=device)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
    assert [point.problem for point in points] == ["", "", "a batch of 16384 does not fit into the memory"]
    assert engine(torch.zeros(64, 3, 32, 32)).shape == (64, 4)


@pytest.mark.skipif(sys.platform == "win32", reason="signals work differently on Windows")
def test_an_interrupt_does_no_harm_after_openvino_engines_have_come_and_gone():
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    pytest.importorskip("nncf", reason="the extra openvino is not installed")
    code = (
        "import gc, os, signal, torch\n"
        "from lessons_lib import engines, models\n"
        "model, x = models.build('small', classes=4, seed=0).eval(), torch.rand(8, 3, 32, 32)\n"
        "for _ in range(2):\n"
        "    made = engines.build(['OpenVINO', 'OpenVINO int8'], model, (3, 32, 32), x, 1)\n"
        "    for name in list(made): del made[name]; gc.collect()\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('interrupted'))\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["interrupted", "alive"], (done.returncode, done.stderr)
