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
from boxloss.shapes import formats
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.verbs.elementwise import numba as elementwise
from boxloss.verbs.elementwise.formula import Kind
from boxloss.verbs.pairwise.prepared import prepare
from boxloss.verbs.pairwise.values import values_of
from cache_folders import kernels

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
# Where a loop over pairs begins, and one over the targets of a pred.
OVER_PAIRS, OVER_TARGETS = r"^for\.body:", r"^for\.body\.1(?:\.us)?:"
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
    assert not re.search(rf"\b{other}\b(?!\*)", loop)
    called = set(re.findall(r"\bcall\b[^\n]*?@([\w.$]+)\(", loop))
    assert [name for name in called if not re.match(INTRINSICS, name)] == []
    assert not re.search(rf"{ARITHMETIC}[^\n]*\b(?:nnan|ninf|fast)\b", loop)


def check_vectors(loop, number, other):
    """Likewise of code that is written in vectors; and no number of a box is computed, read or written alone."""
    check_lanes(loop, number, other, OVER_PAIRS)
    assert not re.search(rf"= load {number}\b|\bstore {number}\b", loop)


def check_lanes(loop, number, other, label=OVER_TARGETS):
    """Likewise of values of rows: one pred is put into all lanes, and so read a number at a time."""
    lanes = lanes_of({"float": "float32", "double": "float64"}[number])
    widths = {int(n) for n in re.findall(rf"{ARITHMETIC}[^\n]*<(\d+) x {number}>", loop)}
    assert widths in ({lanes}, {2 * lanes})
    _, over_pairs = re.split(label, loop, maxsplit=1, flags=re.M)
    # Before it, what is of the numbers of the loss alone, or of one pred, may be computed.
    assert not re.search(rf"{ARITHMETIC} [^\n]*(?<!x ){number} %", over_pairs)
    assert not re.search(rf"\b{other}\b(?!\*)", loop)
    called = set(re.findall(r"\bcall\b[^\n]*?@([\w.$]+)\(", loop))
    assert [name for name in called if not re.match(rf"{INTRINSICS}|llvm\.prefetch", name)] == []
    assert not re.search(rf"{ARITHMETIC}[^\n]*\b(?:nnan|ninf|fast)\b", loop)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_float32_kernel_is_vectors_and_holds_no_float64(loss):
    check_vectors(loop_of(elementwise.kernel, "float32", value_and_grad(loss)), "float", "double")


@pytest.mark.parametrize("loss", [bl.log_iou, bl.ciou], ids=repr)
def test_float64_kernel_is_vectors(loss):
    check_vectors(loop_of(elementwise.kernel, "float64", value_and_grad(loss)), "double", "float")


@pytest.mark.parametrize("guarded", [False, True], ids=["ordinary", "guarded"])
@pytest.mark.parametrize("loss", [bl.giou, bl.ciou, bl.siou, bl.Inner(bl.ciou)], ids=repr)
def test_pairwise_kernel_is_vectorised_and_holds_no_float64(loss, guarded):
    check_lanes(loop_of(values_of, "float32", loss.program.structure, AXIS_ALIGNED, guarded), "float", "double")


@pytest.mark.parametrize(("loss", "divisions"), [(bl.giou, 1), (bl.diou, 1), (bl.ciou, 2), (bl.eiou, 2)], ids=repr)
def test_matrix_of_ordinary_boxes_takes_one_division_for_two_denominators(loss, divisions):
    loop = loop_of(values_of, "float32", loss.program.structure, AXIS_ALIGNED, False)
    stores = re.findall(r"\bstore <\d+ x float>", loop)  # as often as LLVM unrolled the loop
    assert len(re.findall(r"= fdiv [^\n]*<\d+ x float>", loop)) == divisions * len(stores) > 0


def test_kernel_of_descend_is_vectorised_and_holds_no_float64():
    kind = lab_kernels.Descend(bl.giou.program.structure, "xyxy", "momentum", scaled=True, curves=False)
    check_lanes(loop_of(lab_kernels.step, "float32", kind), "float", "double", OVER_PAIRS)


@pytest.mark.parametrize("loss", [bl.giou, bl.ciou], ids=repr)
def test_what_is_prepared_of_boxes_is_vectorised_and_holds_no_float64(loss):
    check_loop(loop_of(prepare, "float32", loss.program.structure, formats.FORMATS["xyxy"]), "float", "double")


@pytest.mark.parametrize(
    "formats",
    [
        ("rel_cxcywh", "xywh"),
        ("cxcywha", "cxcywha"),
        ("xyxy", "cxcywhd"),
        ("xyzxyz", "cxcyczwlh"),
        ("cxcyczwlha", "cxcyczwlha"),
    ],
)
def test_kernel_with_format_weight_and_both_gradients_is_vectors_and_holds_no_float64(formats):
    everything = Kind(bl.giou.program.structure, formats, True, True, True)
    check_vectors(loop_of(elementwise.kernel, "float32", everything), "float", "double")


class IntegerLiteral(bl.L1):
    @staticmethod
    def formula(xp, e):
        return 2 * xp.abs(e), xp.sign(e)


def test_integer_literals_become_numbers_of_the_kernel():
    check_vectors(loop_of(elementwise.kernel, "float32", value_and_grad(IntegerLiteral())), "float", "double")


CHECKED = {
    "vectors": (check_vectors, OVER_PAIRS, (elementwise.kernel, "float32", value_and_grad(bl.l1))),
    "values of rows": (check_lanes, OVER_TARGETS, (values_of, "float32", bl.l1.program.structure, AXIS_ALIGNED, True)),
    "vectorised": (
        check_loop,
        r"^vector\.body:",
        (prepare, "float32", bl.ciou.program.structure, formats.FORMATS["xyxy"]),
    ),
}


@pytest.mark.parametrize(
    "line", ["%e = call float @expf(float %x)", "%e = fpext <8 x float> %x to <8 x double>"], ids=["call", "float64"]
)
@pytest.mark.parametrize(("check", "label", "kind"), CHECKED.values(), ids=CHECKED)
def test_checks_find_what_they_look_for(check, label, kind, line):
    loop = loop_of(*kind)
    check(loop, "float", "double")
    with_line = re.sub(f"({label}[^\n]*)", rf"\1\n  {line}", loop, flags=re.M)
    assert with_line != loop
    with pytest.raises(AssertionError):
        check(with_line, "float", "double")


def test_a_number_that_is_computed_alone_is_found():
    loop = loop_of(elementwise.kernel, "float32", value_and_grad(bl.l1))
    with pytest.raises(AssertionError):
        check_vectors(loop.replace("for.body:", "for.body:\n  %e = fadd float %x, %x"), "float", "double")


# --- Boxes in vectors -------------------------------------------------------------------------------------------------

FORMATS = {
    "four": ("xyxy", "xyxy"),
    "four, other formats": ("rel_cxcywh", "xywh"),
    "five": ("cxcywha", "cxcywha"),
    "four and five": ("xyxy", "cxcywhd"),
    "six": ("xyzxyz", "cxcyczwlh"),
    "seven": ("cxcyczwlha", "cxcyczwlha"),
    "seven and six": ("cxcyczwlha", "xyzxyz"),
}


def some_pairs(rng, names, count, dtype):
    """Boxes, with options for a call."""
    pred, target = (rng.uniform(0.5, 4, (count, formats.FORMATS[name].size)).astype(dtype) for name in names)
    weight = rng.uniform(0.5, 2, count).astype(dtype)
    image = {"image_size": (8.0, 6.0)} if "rel_cxcywh" in names else {}
    return pred, target, weight, {"wrt": "both", "format": names, "engine": "numba", **image}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("names", FORMATS.values(), ids=FORMATS)
def test_pairs_are_those_of_one_pair_however_many_there_are(names, dtype, rng):
    """A vector, a block of vectors, and some more or less of each: to the last bit."""
    counts = sorted({max(0, n + k) for n in (0, 4, 8, 16, 32, 64, 128, 256) for k in (-1, 0, 1, 3)})
    whole = max(counts)
    pred, target, weight, options = some_pairs(rng, names, whole, dtype)
    one_by_one = [bl.giou.value_and_grad(pred[[k]], target[[k]], weight=weight[[k]], **options) for k in range(whole)]
    value = np.concatenate([value for value, _ in one_by_one])
    grads = [np.concatenate([grads[which] for _, grads in one_by_one]) for which in range(2)]
    for count in counts:
        some = slice(0, count)
        found, found_grads = bl.giou.value_and_grad(pred[some], target[some], weight=weight[some], **options)
        np.testing.assert_array_equal(found, value[some])
        for grad, expected in zip(found_grads, grads, strict=True):
            np.testing.assert_array_equal(grad, expected[some])


@pytest.mark.parametrize("cpu", ["AVX2", "AVX-512"])
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pairs_in_vectors_of_this_and_of_another_cpu(kind, dtype, cpu, monkeypatch, rng):
    """Of 32 and of 64 bytes, whichever this one has: each number is where the array engine has it."""
    lanes = (32 if cpu == "AVX2" else 64) // np.dtype(dtype).itemsize
    monkeypatch.setattr(elementwise, "lanes_of", lambda dtype: lanes)
    monkeypatch.setattr(elementwise, "has_avx512", lambda: cpu == "AVX-512")
    monkeypatch.setattr(compile, "_entries", {})
    monkeypatch.setattr(elementwise, "_kernel_of", elementwise._kernel_of.__wrapped__)
    pred, target, weight, options = some_pairs(rng, FORMATS[kind], 8 * lanes + 3, dtype)
    value, grads = bl.giou.value_and_grad(pred, target, weight=weight, **options)
    options["engine"] = "array"
    expected, expected_grads = bl.giou.value_and_grad(pred, target, weight=weight, **options)
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-13}
    for found, wanted in zip((value, *grads), (expected, *expected_grads), strict=True):
        np.testing.assert_allclose(found, wanted, **tolerance)


# --- How kernels are compiled -----------------------------------------------------------------------------------------


def test_nothing_is_compiled_that_no_call_needs(monkeypatch, tmp_path):
    """No wrapper for calls from C; LLVM's passes run over a kernel as a whole, not over each of its functions too."""
    codegen, made = cpu_target.target_context.codegen(), []
    make = codegen._function_pass_manager
    monkeypatch.setattr(codegen, "_function_pass_manager", lambda *given, **how: made.append(1) or make(*given, **how))
    monkeypatch.setattr(compile, "_entries", {})
    elementwise._kernel_of.cache_clear()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    bl.l1(np.zeros((1, 4)), np.ones((1, 4)), engine="numba")
    assert made == [] or not hasattr(codegen, "_pass_builder"), "versions before 0.62 are left as they are"
    assert "_library_class" not in vars(codegen), "Numba's own functions are compiled as ever"
    (kernel,) = kernels(tmp_path).values()
    assert b"cfunc._ZN" not in kernel
    assert b"_ZN7cpython" not in kernel, "one function for all kernels of a signature takes Python's objects apart"
    assert all(b"cfunc._ZN" not in path.read_bytes() for path in tmp_path.rglob("*.kernel"))
