"""Arrays of several libraries and devices, and tensors of somebody's own: which are taken, and what is said."""

from dataclasses import dataclass

import pytest

import boxloss as bl
from errors import BOXES, FLOAT32, NOT_A_BUFFER, OUT, check_error, no_float, table

# --- Libraries and devices ------------------------------------------------------------------------------------------

ONE_LIBRARY = "pred and {} must be arrays of one library; got pred of {} and {} of {}"


@dataclass
class Elsewhere:
    """Boxes of another array library, on a device of it."""

    device: str = "card 0"
    shape = BOXES.shape
    ndim = BOXES.ndim

    def __array_namespace__(self, api_version=None):
        return Elsewhere


@table(
    (
        "target",
        lambda: bl.giou(BOXES, Elsewhere()),
        TypeError,
        ONE_LIBRARY.format("target", "numpy", "target", __name__.partition(".")[0]),
    ),
    (
        "weight",
        lambda: bl.giou(BOXES, BOXES, weight=Elsewhere()),
        TypeError,
        ONE_LIBRARY.format("weight", "numpy", "weight", __name__.partition(".")[0]),
    ),
    (
        "out",
        lambda: bl.giou.pairwise(BOXES, BOXES, out=Elsewhere()),
        TypeError,
        ONE_LIBRARY.format("out", "numpy", "out", __name__.partition(".")[0]),
    ),
    (
        "device",
        lambda: bl.giou(Elsewhere("card 0"), Elsewhere("card 1")),
        ValueError,
        "pred and target must be on one device; got pred on card 0 and target on card 1",
    ),
)
def test_libraries_and_devices(call, kind, text):
    check_error(call, kind, text)


def test_engine_numba_takes_numpy_arrays_and_cpu_tensors_and_chunks_of_them(backend):
    boxes = backend.asarray(BOXES)
    if backend.name in ("numpy", "torch", "dask"):
        backend.assert_like(bl.giou(boxes, boxes, engine="numba"), [0.0, 0.0])
        return
    got = "jax.Array" if backend.name == "jax" else f"{type(boxes).__module__}.{type(boxes).__qualname__}"
    text = f"engine='numba' takes NumPy arrays and torch tensors on the CPU; got {got}"
    check_error(lambda: bl.giou(boxes, boxes, engine="numba"), ValueError, text)


@pytest.mark.torch
def test_numpy_and_torch():
    import torch

    tensor = torch.from_numpy(BOXES)
    for call, name in (
        (lambda: bl.giou(tensor, BOXES), "target"),
        (lambda: bl.giou(tensor, tensor, weight=BOXES[:, 0]), "weight"),
        (lambda: bl.giou.pairwise(tensor, tensor, out=OUT), "out"),
    ):
        check_error(call, TypeError, ONE_LIBRARY.format(name, "torch", name, "numpy"))


@pytest.mark.torch
def test_tensors_that_no_kernel_reads():
    import torch

    tensor = torch.from_numpy(BOXES)
    meta = tensor.to("meta")
    text = "pred and {} must be on one device; got pred on cpu and {} on meta"
    check_error(lambda: bl.giou(tensor, meta), ValueError, text.format("target", "target"))
    check_error(lambda: bl.giou(tensor, tensor, weight=meta[:, 0]), ValueError, text.format("weight", "weight"))
    text = "engine='numba' takes NumPy arrays and torch tensors on the CPU; got torch.Tensor on meta"
    check_error(lambda: bl.giou(meta, meta, engine="numba"), ValueError, text)
    eighth = tensor.to(torch.float8_e4m3fn)
    check_error(lambda: bl.giou(eighth, eighth), TypeError, no_float("pred", "torch.float8_e4m3fn"))


# --- Tensors of somebody's own ----------------------------------------------------------------------------------------


@pytest.mark.torch
def test_boxes_that_know_their_format():
    """Those of torchvision's transforms; another format than their own would be a silent mistake."""
    from importlib import import_module

    import torch

    import torchvision_ops  # noqa: F401 - torchvision cannot be imported before
    from boxloss.compat import torchvision

    BoundingBoxes = import_module("torchvision.tv_tensors").BoundingBoxes
    plain = torch.tensor(FLOAT32)
    boxes = BoundingBoxes(plain, format="XYWH", canvas_size=(9, 9))
    for call in (bl.giou, bl.giou.pairwise):
        torch.testing.assert_close(call(boxes, boxes, format="xywh"), call(plain, plain, format="xywh"))
        call(plain, boxes, format=("cxcywh", "xywh"))
    torch.testing.assert_close(bl.area(boxes, format="xywh"), bl.area(plain, format="xywh"))

    def text(name, format):
        return (
            f"{name} is of type BoundingBoxes and of format 'xywh'; got format={format!r} for it. "
            "Give 'xywh', a pair of names if those of pred and target differ, or a plain tensor"
        )

    for name, format, call in (
        ("pred", "xyxy", lambda: bl.giou(boxes, plain)),
        ("target", "xyxy", lambda: bl.giou.value_and_grad(plain, boxes)),
        ("target", "cxcywh", lambda: bl.giou.pairwise(plain, boxes, format=("xyxy", "cxcywh"))),
        ("pred", "rel_xywh", lambda: bl.giou(boxes, boxes, format="rel_xywh", image_size=(9, 9))),
        ("pred", "xyxy", lambda: torchvision.box_iou(boxes, plain)),
        ("boxes", "xyxy", lambda: bl.validate(boxes)),
        ("boxes", "cxcywh", lambda: bl.convert(boxes, "cxcywh", "xyxy")),
        ("boxes", "xyxy", lambda: bl.clip_to_image(boxes, (9, 9))),
    ):
        check_error(call, ValueError, text(name, format))


@pytest.mark.torch
def test_a_tensor_that_is_the_negative_of_memory():
    import torch

    boxes = torch.complex(torch.zeros(2, 4, dtype=torch.float64), torch.tensor(BOXES)).conj().imag
    assert boxes.is_neg()
    for engine in ("array", "numba"):
        torch.testing.assert_close(bl.l1(boxes, -boxes, engine=engine), 2.0 * torch.tensor(BOXES).sum(-1))
    out = torch._neg_view(torch.zeros(2, 2, dtype=torch.float64))
    check_error(lambda: bl.l1.pairwise(boxes, boxes, out=out, engine="numba"), ValueError, NOT_A_BUFFER)
    torch.testing.assert_close(bl.l1.pairwise(boxes, boxes, out=out, engine="array"), bl.l1.pairwise(boxes, boxes))


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize(
    "call", [bl.area, lambda b: bl.convert(b, "xywh", "xyxy"), lambda b: bl.clip_to_image(b, (1, 1))]
)
def test_functions_of_boxes_compile_without_a_warning(call):
    import torch

    boxes = torch.tensor(FLOAT32)
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(boxes), call(boxes))
