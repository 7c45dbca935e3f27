"""What holds of every kernel, read from its PTX and from what the assembler says of it."""

import ctypes
import re

import pytest

import boxloss as bl
from boxloss.engines.cuda import compile
from boxloss.verbs.elementwise.cuda_kernel import elementwise
from boxloss.verbs.elementwise.formula import Kind
from boxloss.verbs.nearest.cuda_kernel import nearest
from boxloss.verbs.pairwise.cuda import COLUMNS_A_THREAD, TILE_ROWS, TILE_THREADS
from boxloss.verbs.pairwise.cuda_kernel import pairwise
from boxloss.verbs.pairwise.cuda_rows import THREADS
from boxloss.verbs.topk.cuda_kernel import topk
from instructions import CAPABILITIES, LOSSES, PAGE, VERBS, XYXY, Code, compiled, of_template, row, write, written_rows

WITHOUT_AREAS = {"l1", "smooth_l1", "huber", "l2", "mgiou", "kfiou"}  # nor a function that may be fused
IN_C = {"u64": {ctypes.c_void_p, ctypes.c_longlong}, "f32": {ctypes.c_float}, "f64": {ctypes.c_double}}
SM_80 = CAPABILITIES[0]
every_loss = pytest.mark.parametrize("name", LOSSES)
every_capability = pytest.mark.parametrize("capability", CAPABILITIES, ids="sm_{0[0]}{0[1]}".format)


def check_arithmetic(code, name, number):
    """One float type, no local memory, and products fused with sums only where flags allow it."""
    other = {"f32": "f64", "f64": "f32"}[number]
    assert not re.search(rf"\.{other}\b", code.text)
    assert ".local" not in code.text
    assert code.count(rf"(add|sub|mul)\.{number}") == 0, "without .rn the assembler may fuse them"
    assert (code.count(rf"fma\.rn\.{number}") == 0) == (name in WITHOUT_AREAS)
    assert code.count("call.*") == 0


def check_assembled(code, capability):
    """The assembler takes it and spills no register."""
    binary, log = compile.assemble(code.text, capability, "-verbose", "-Xptxas=-v")
    assert binary.startswith(b"\x7fELF")
    assert re.search(r"0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads", log), log


# What float64 asks of registers it asks of the older capability too, which has as many.
@pytest.mark.parametrize(
    ("dtype", "capability"),
    [("float32", capability) for capability in CAPABILITIES] + [("float64", SM_80)],
    ids=lambda given: given if isinstance(given, str) else f"sm_{given[0]}{given[1]}",
)
@every_loss
def test_kernels(dtype, capability, name):
    number, vector, loads = {"float32": ("f32", "v4.f32", 1), "float64": ("f64", "v2.f64", 2)}[dtype]
    for verb, options_of in VERBS.items():
        template, *options = options_of(LOSSES[name].program.structure)
        code = of_template(template, dtype, capability, *options)
        check_arithmetic(code, name, number)
        check_assembled(code, capability)
        reads = 2 * code.copies if template is elementwise else COLUMNS_A_THREAD + 1
        writes = code.copies if verb == "value and gradient" else 0
        assert code.count(rf"ld\.global\.{vector}") == code.count(r"ld\.global.*") == loads * reads
        assert code.count(rf"st\.global\.{vector}") == loads * writes
        if verb == "pairwise":
            assert code.count(rf"st\.shared\.{vector}") == loads
            rows = code.copies // COLUMNS_A_THREAD
            assert code.count(rf"ld\.shared\.{vector}") == loads * rows
            assert code.count(rf"ld\.shared\.{number}") in (0, rows), "the number of one box, if there is one"
        if code.copies == 1:  # a loop that was copied divides once, to count what is left of it
            assert code.count(r"(div|rem)\.[us](32|64)") == 0, "no division of an index"
            assert name == "log_iou" or code.count(r"cvt\.[us]32\.[us]64") == 0, "indices have 64 bits"
        expected = compile.written(template, dtype, capability, *options).argument_types
        assert len(code.parameters) == len(expected)
        assert all(c in IN_C[given] for given, c in zip(code.parameters, expected, strict=True))


def test_types_of_arguments():
    structure = (2.0 * bl.L1() + bl.GIoU(eps=0.5)).program.structure
    pointer, number, size = ctypes.c_void_p, ctypes.c_float, ctypes.c_longlong
    expected = {  # of elementwise kernels the factor of gradients, and of all the image, two weights and the eps
        "value": (*[pointer] * 3, *[number] * 6, *[pointer] * 3, size),
        "pairwise": (*[pointer] * 2, *[number] * 5, pointer, *[size] * 5),
    }
    for verb, types in expected.items():
        template, *options = VERBS[verb](structure)
        assert compile.written(template, "float32", SM_80, *options).argument_types == types


@every_capability
def test_kernel_with_every_option(capability):
    kind = Kind(bl.giou.program.structure, ("rel_cxcywh", "xywh"), True, True, True)
    code = of_template(elementwise, "float32", capability, kind, True)
    check_arithmetic(code, "giou", "f32")
    check_assembled(code, capability)
    assert (code.count(r"ld\.global\.v4\.f32"), code.count(r"ld\.global\.f32")) == (2, 1)
    assert (code.count(r"st\.global\.v4\.f32"), code.count(r"st\.global\.f32")) == (2, 1)


@pytest.mark.parametrize(
    ("template", "options"),
    [
        (elementwise, (Kind(bl.giou.program.structure, XYXY, True, False, False), False)),
        (pairwise, (bl.giou.program.structure, XYXY, False, TILE_ROWS, TILE_THREADS)),
    ],
    ids=["elementwise", "pairwise"],
)
def test_boxes_that_are_not_aligned_are_read_one_number_at_a_time(template, options):
    code = of_template(template, "float32", SM_80, *options)
    boxes = 2 if template is elementwise else COLUMNS_A_THREAD + 1
    assert code.count(r"ld\.global\.f32") == code.count(r"ld\.global.*") == 4 * boxes
    assert code.count(r"st\.global\.v.*") == 0


OF_ROWS = {"a thread a row": (nearest, 1), "a warp": (nearest, 32), "a block": (nearest, THREADS), "topk": (topk, 32)}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, "float32") for name in OF_ROWS] + [("a block", "float64"), ("topk", "float64")],
)
def test_kernels_over_rows(name, dtype):
    """Targets are staged and read 16 bytes at a time, in the loop with guards and in that without."""
    template, lanes = OF_ROWS[name]
    options = (bl.ciou.program.structure, XYXY, True, False, False, THREADS, lanes)
    code = of_template(template, dtype, SM_80, *options)
    check_arithmetic(code, "ciou", {"float32": "f32", "float64": "f64"}[dtype])
    check_assembled(code, SM_80)
    vector, loads = {"float32": ("v4.f32", 1), "float64": ("v2.f64", 2)}[dtype]
    assert code.count(rf"ld\.global\.{vector}") == code.count(r"ld\.global.*") == 2 * loads
    assert code.count(rf"st\.shared\.{vector}") == loads
    assert code.count(rf"ld\.shared\.{vector}") % loads == 0
    assert (code.count(r"shfl\..*") == 0) == (lanes == 1), "a thread with a row of its own compares with no other"
    expected = compile.written(template, dtype, SM_80, *options)
    assert len(code.parameters) == len(expected.argument_types)


def test_instructions_of_nearest_are_those_of_the_page():
    """Beside those of the matrix, which are in the table."""
    template, lanes = OF_ROWS["a thread a row"]
    giou, ciou = (
        of_template(template, "float32", SM_80, loss.program.structure, XYXY, True, False, False, THREADS, lanes)
        for loss in (bl.giou, bl.ciou)
    )
    counts = [code.per(r"ld\.shared\.v4\.f32") for code in (giou, ciou)]
    said = "a pair of GIoU takes {:g} instructions in float32 and one of CIoU {:g}".format(*counts)
    assert said in " ".join(PAGE.read_text().split())


def test_kernel_for_an_older_gpu():
    """Before sm_80 there is no instruction for a minimum that keeps a NaN."""
    template, *options = VERBS["pairwise"](bl.giou.program.structure)
    code = Code(compile.written(template, "float32", (7, 5), *options).ptx((7, 5)))
    assert compiled(bl.giou, "pairwise", "float32", SM_80).count(r"min\.NaN\.f32") > 0
    assert code.count(r"(min|max)\.NaN.*") == 0
    check_arithmetic(code, "giou", "f32")
    check_assembled(code, (7, 5))


@pytest.mark.parametrize(
    ("found", "put"),
    [("add.rn.f32", "add.rn.f64"), ("add.rn.f32", "add.f32"), ("add.rn.f32", "fma.rn.f32"), ("ld.global", "ld.local")],
)
def test_checks_find_what_they_are_for(found, put):
    code = compiled(bl.l1, "value", "float32", SM_80)
    check_arithmetic(code, "l1", "f32")
    with pytest.raises(AssertionError):
        check_arithmetic(code._replace(text=code.text.replace(found, put)), "l1", "f32")


# --- The table --------------------------------------------------------------------------------------------------------


@every_capability
@every_loss
def test_instructions_are_those_of_the_table(name, capability, request):
    if request.config.getoption("write"):
        pytest.skip("the table is being written")
    assert row(name, capability) == written_rows()[name], "nox -s ptx -- --write writes the table again"


def test_table_has_every_loss(request):
    if request.config.getoption("write"):
        write([row(name, SM_80) for name in LOSSES])
    assert list(written_rows()) == list(LOSSES)
