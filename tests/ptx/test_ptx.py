"""What holds of every kernel, read from its PTX and from what the assembler says of it."""

import ctypes
import re

import pytest
from boxloss.engines.cuda_kinds import COLUMNS_A_THREAD, Elementwise, Pairwise

import boxloss as bl
from boxloss.engines import cuda_compile, cuda_kernels, cuda_launch
from instructions import CAPABILITIES, LOSSES, TEMPLATES, Code, compiled, of_kind, row, write, written_rows

WITHOUT_AREAS = {"l1", "smooth_l1", "huber", "l2"}
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
    binary, log = cuda_compile.assemble(code.text, capability, "-verbose", "-Xptxas=-v")
    assert binary.startswith(b"\x7fELF")
    assert re.search(r"0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads", log), log


@every_capability
@every_loss
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels(dtype, name, capability):
    number, vector, loads = {"float32": ("f32", "v4.f32", 1), "float64": ("f64", "v2.f64", 2)}[dtype]
    for verb, (template, _) in TEMPLATES.items():
        code = compiled(LOSSES[name], verb, dtype, capability)
        check_arithmetic(code, name, number)
        check_assembled(code, capability)
        reads = 2 * code.copies if template == "elementwise" else COLUMNS_A_THREAD + 1
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
        expected = cuda_launch.argument_types(template, dtype, len(LOSSES[name].weights))
        assert len(code.parameters) == len(expected)
        assert all(c in IN_C[given] for given, c in zip(code.parameters, expected, strict=True))


@every_capability
def test_kernel_with_every_option(capability):
    kind = Elementwise(("rel_cxcywh", "xywh"), True, True, True, True, aligned=True)
    code = of_kind("elementwise", bl.giou, "float32", kind, capability)
    check_arithmetic(code, "giou", "f32")
    check_assembled(code, capability)
    assert (code.count(r"ld\.global\.v4\.f32"), code.count(r"ld\.global\.f32")) == (2, 1)
    assert (code.count(r"st\.global\.v4\.f32"), code.count(r"st\.global\.f32")) == (2, 1)


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ("elementwise", Elementwise(("xyxy", "xyxy"), True, False, False, False, aligned=False)),
        ("pairwise", Pairwise(("xyxy", "xyxy"), aligned=False, rows=32, threads=64)),
    ],
    ids=["elementwise", "pairwise"],
)
def test_boxes_that_are_not_aligned_are_read_one_number_at_a_time(template, kind):
    code = of_kind(template, bl.giou, "float32", kind, SM_80)
    boxes = 2 if template == "elementwise" else COLUMNS_A_THREAD + 1
    assert code.count(r"ld\.global\.f32") == code.count(r"ld\.global.*") == 4 * boxes
    assert code.count(r"st\.global\.v.*") == 0


def test_kernel_for_an_older_gpu():
    """Before sm_80 there is no instruction for a minimum that keeps a NaN."""
    template, kind = TEMPLATES["pairwise"]
    code = Code(cuda_compile.ptx(getattr(cuda_kernels, template), bl.giou, "float32", kind, (7, 5)))
    assert compiled(bl.giou, "pairwise", "float32", SM_80).count(r"min\.NaN\.f32") > 0
    assert code.count(r"(min|max)\.NaN.*") == 0
    check_arithmetic(code, "giou", "f32")
    check_assembled(code, (7, 5))


def test_checks_find_what_they_are_for():
    class Double(bl.L1):
        @staticmethod
        def formula(xp, e):
            return 2 * xp.abs(e), xp.sign(e)

    code = of_kind("elementwise", Double(), "float32", TEMPLATES["value"][1], SM_80)
    with pytest.raises(AssertionError):
        check_arithmetic(code, "l1", "f32")


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
