"""What LLVM made of the compiled kernels: the reasons why they are fast, read from their code instead of timed."""

import re

import numpy as np
import pytest
from numba.core.caching import NullCache
from numba.core.registry import cpu_target

import boxloss as bl
from boxloss.engines.numba import compile
from boxloss.engines.numba.compile import dispatcher
from boxloss.engines.numba.vectors import lanes_of
from boxloss.lab import kernels as lab_kernels
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.verbs.elementwise import numba as elementwise
from boxloss.verbs.elementwise.formula import Kind
from boxloss.verbs.pairwise import numba as pairwise

DETR_COST = 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.GIoU()
MODIFIED = [
    bl.Focaler(bl.Inner(bl.ciou)),
    bl.Alpha(bl.ciou),
    bl.Focal(bl.eiou),
    bl.Wise(bl.wiou),
    bl.MPDIoU() + bl.Interpolated(bl.iou, 0.98),
]
LOSSES = [*map(bl.get, bl.losses()), bl.CIoU(full_gradient=True), DETR_COST, *MODIFIED]

ARITHMETIC = r"= (?:f(?:add|sub|mul|div|cmp|neg)|select|fptrunc|fpext|[su]itofp)\b"
# Calls that are one machine instruction, or bookkeeping of the optimiser.
INTRINSICS = (
    r"llvm\.(?:fabs|sqrt|copysign|fmuladd|fma|minnum|maxnum|umin|umax|smin|smax"
    r"|assume|mem\w+|vector\.\w+|umul\.with\.overflow)\b"
)


def value_and_grad(loss):
    """The usual kernel of a loss."""
    return Kind(loss.program.structure, ("xyxy", "xyxy"), pred_grad=True, target_grad=False, weighted=False)


def loop_of(template, dtype, *options):
    """The optimised code of a kernel, without the functions around it that take Python's arguments apart."""
    kernel, signature = dispatcher(template, dtype, *options)
    kernel._cache = NullCache()
    kernel.compile(signature)
    functions = re.finditer(
        r"^define [^\n]*?@\"?([^\s(\"]+)\"?\(.*?^}", kernel.inspect_llvm(signature.args), re.M | re.S
    )
    (loop,) = (f[0] for f in functions if not re.match(r"_ZN7cpython|cfunc\.|NRT_", f[1]))
    return loop


def check_loop(loop, number, other):
    """The loop is vectorised, computes in one float type, calls nothing and keeps NaN."""
    assert "vector.body:" in loop
    vectors = {int(n) for n in re.findall(rf"{ARITHMETIC}[^\n]*<(\d+) x {number}>", loop)}
    assert max(vectors, default=0) * {"float": 4, "double": 8}[number] >= 16, "vectors of 128 bits at least"
    # Older LLVM names what a pointer points to: the kernel of `descend` takes one to float64 that it does not use here.
    assert other is None or not re.search(rf"\b{other}\b(?!\*)", loop)
    called = set(re.findall(r"\bcall\b[^\n]*?@([\w.$]+)\(", loop))
    assert [name for name in called if not re.match(INTRINSICS, name)] == []
    assert not re.search(rf"{ARITHMETIC}[^\n]*\b(?:nnan|ninf|fast)\b", loop)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_float32_kernel_is_vectorised_and_holds_no_float64(loss):
    check_loop(loop_of(elementwise.kernel, "float32", value_and_grad(loss)), "float", "double")


@pytest.mark.parametrize("loss", [bl.log_iou, bl.ciou], ids=repr)
def test_float64_kernel_is_vectorised(loss):
    check_loop(loop_of(elementwise.kernel, "float64", value_and_grad(loss)), "double", "float")


@pytest.mark.parametrize("guarded", [False, True], ids=["ordinary", "guarded"])
@pytest.mark.parametrize("loss", [bl.giou, bl.ciou, bl.siou, bl.Inner(bl.ciou)], ids=repr)
def test_pairwise_kernel_is_vectorised_and_holds_no_float64(loss, guarded):
    check_loop(loop_of(pairwise.kernel, "float32", loss.program.structure, AXIS_ALIGNED, guarded), "float", "double")


@pytest.mark.parametrize(("loss", "divisions"), [(bl.giou, 1), (bl.diou, 1), (bl.ciou, 2), (bl.eiou, 2)], ids=repr)
def test_matrix_of_ordinary_boxes_takes_one_division_for_two_denominators(loss, divisions):
    loop = loop_of(pairwise.kernel, "float32", loss.program.structure, AXIS_ALIGNED, False)
    widths = re.findall(r"= fdiv [^\n]*<(\d+) x float>", loop)  # one for the loop, maybe another for its remainder
    assert widths
    # As often as LLVM unrolled the loop: each copy stores its values.
    copies = {width: len(re.findall(rf"\bstore <{width} x float>", loop)) for width in widths}
    assert {widths.count(width) / copies[width] for width in widths} == {divisions}


def test_kernel_with_format_weight_and_both_gradients_is_vectorised_and_holds_no_float64():
    everything = Kind(bl.giou.program.structure, ("rel_cxcywh", "xywh"), True, True, True)
    check_loop(loop_of(elementwise.kernel, "float32", everything), "float", "double")


def test_kernel_of_descend_is_vectorised_and_holds_no_float64():
    kind = lab_kernels.Descend(bl.giou.program.structure, "xyxy", "momentum", scaled=True, curves=False)
    check_loop(loop_of(lab_kernels.descend, "float32", kind), "float", "double")


@pytest.mark.parametrize("formats", [("cxcywha", "cxcywha"), ("xyxy", "cxcywhd"), ("cxcyczwlha", "cxcyczwlha")])
def test_kernel_of_boxes_of_odd_sizes_reads_and_writes_whole_vectors(formats):
    """All of it is vectors, and no number of a box is read or written alone."""
    lanes = lanes_of("float32")
    everything = Kind(bl.giou.program.structure, formats, True, True, True)
    loop = loop_of(elementwise.kernel, "float32", everything)
    assert {int(n) for n in re.findall(rf"{ARITHMETIC}[^\n]*<(\d+) x float>", loop)} == {lanes}
    assert not re.search(rf"{ARITHMETIC} [^\n]*(?<!x )float %", loop)
    assert not re.search(r"= load float\b|\bstore float\b|\bdouble\b(?!\*)", loop)
    called = set(re.findall(r"\bcall\b[^\n]*?@([\w.$]+)\(", loop))
    assert [name for name in called if not re.match(rf"{INTRINSICS}|llvm\.prefetch", name)] == []


class IntegerLiteral(bl.L1):
    @staticmethod
    def formula(xp, e):
        return 2 * xp.abs(e), xp.sign(e)


def test_integer_literals_become_numbers_of_the_kernel():
    check_loop(loop_of(elementwise.kernel, "float32", value_and_grad(IntegerLiteral())), "float", "double")


def test_checks_find_a_call():
    loop = loop_of(elementwise.kernel, "float32", value_and_grad(bl.l1))
    with pytest.raises(AssertionError):
        check_loop(loop.replace("vector.body:", "vector.body:\n  %e = call float @expf(float %x)"), "float", "double")


def test_checks_find_float64():
    loop = loop_of(elementwise.kernel, "float64", value_and_grad(bl.l1))
    with pytest.raises(AssertionError):
        check_loop(loop, "float", "double")


# --- How kernels are compiled -----------------------------------------------------------------------------------------


def test_nothing_is_compiled_that_no_call_needs(monkeypatch, tmp_path):
    """No wrapper for calls from C; and no pass manager for each of the dozens of functions that are declared alone."""
    codegen = cpu_target.target_context.codegen()
    make, made = codegen._function_pass_manager, []
    monkeypatch.setattr(codegen, "_function_pass_manager", lambda *given, **how: made.append(1) or make(*given, **how))
    monkeypatch.setattr(compile, "_entries", {})
    elementwise._kernel_of.cache_clear()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    bl.l1(np.zeros((1, 4)), np.ones((1, 4)), engine="numba")
    assert 0 < len(made) < 10
    assert "_library_class" not in vars(codegen), "Numba's own functions are compiled as ever"
    (kernel,) = tmp_path.rglob("*.kernel")
    assert b"cfunc._ZN" not in kernel.read_bytes()
