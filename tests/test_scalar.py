"""The compiled atan2, exponentials, logarithms and powers against 50 digits: within 2 units in the last place."""

import math
from functools import cache

import mpmath
import numba
import numpy as np
import pytest
from numba.core import types

from boxloss.engines.numba.compile import machine
from boxloss.engines.numba.memory import load, store
from boxloss.formulas.structure import HALVES
from boxloss.shapes.replaceable import (
    exp_of_negative,
    expm1_of_negative,
    log1p_inside,
    one_less_exp,
    one_less_power,
    power_and_slope,
)

DTYPES = ("float32", "float64")
ULPS = 2.0
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def one_less_power_of_halves(xp, a, exponent):
    xp.mark_halves(exponent)
    return one_less_power(xp, a, exponent)


def power_of_halves(xp, base, exponent):
    """What a formula has that knows its exponents, and 1 less than these."""
    xp.mark_halves(exponent)
    return xp.pow(base, exponent)


def power_of_one_less(xp, base, exponent):
    xp.mark_halves(exponent)
    return xp.pow(base, exponent - 1.0)


def named(*names):
    """The functions that formulas call by these names."""
    return {name: lambda xp, *numbers, name=name: getattr(xp, name)(*numbers) for name in names}


def keyed(*functions):
    return {function: function for function in functions}


EXPONENTS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 2.75)  # of which the last has no products
LITERALS = (0.5, 3.0, 4.0)
# Of how many numbers, and which: a group is one kernel. An exponent that is marked is so for all that read it.
GROUPS = (
    (1, named("abs", "sign", "exp", "expm1", "log", "log1p", "sin", "cos")),
    (1, keyed(exp_of_negative, expm1_of_negative, one_less_exp, log1p_inside)),
    (1, {("value", p): lambda xp, a, p=p: power_and_slope(xp, a, p)[0] for p in EXPONENTS}),
    (1, {("slope", p): lambda xp, a, p=p: power_and_slope(xp, a, p)[1] for p in EXPONENTS}),
    (1, {("power", p): lambda xp, a, p=p: xp.pow(a, p) for p in HALVES}),
    (1, {("one less power", p): lambda xp, a, p=p: one_less_power(xp, a, p) for p in LITERALS}),
    (2, {**named("atan2", "pow", "minimum", "maximum"), **keyed(one_less_power)}),
    (2, keyed(one_less_power_of_halves, power_of_halves, power_of_one_less)),
)
ROOM = 1 << 14  # from one number of a row to the next; LLVM knows it and so that columns of results do not overlap


@cache
def kernel(dtype, group):
    """The functions of a group over arrays: with several numbers in it the loop is vectorised."""
    arguments, functions = GROUPS[group]
    all_of = machine(dtype).function(lambda xp, *a: tuple(f(xp, *a) for f in functions.values()), *(None,) * arguments)
    load_row, store_row = load(arguments), store(len(functions))

    def over(rows, count, out):
        for i in range(count):
            store_row(out, i, ROOM, all_of(load_row(rows, i, ROOM)))

    compiled = numba.njit([types.void(machine(dtype).readonly, types.intp, machine(dtype).array)], error_model="numpy")(
        over
    )
    (code,) = compiled.inspect_llvm().values()
    assert "vector.body:" in code
    return compiled


def loop(dtype, called):
    """A function of compiled formulas, over arrays."""
    ((group, column),) = (
        (group, list(functions).index(called)) for group, (_, functions) in enumerate(GROUPS) if called in functions
    )
    arguments, functions = GROUPS[group]

    def run(*arrays):
        arrays = np.broadcast_arrays(*(np.asarray(a, dtype) for a in arrays))
        count = arrays[0].size
        assert count <= ROOM
        rows, out = np.zeros((arguments, ROOM), dtype), np.empty((len(functions), ROOM), dtype)
        rows[:, :count] = arrays
        kernel(dtype, group)(rows.reshape(-1), count, out.reshape(-1))
        return out[column, :count]

    return run


@pytest.fixture(scope="module", params=DTYPES)
def atan2(request):
    return loop(request.param, "atan2"), np.dtype(request.param).type


@pytest.fixture(scope="module", params=DTYPES)
def log1p(request):
    return loop(request.param, "log1p"), np.dtype(request.param).type


def check_ulps(result, oracle, *arguments):
    """Each result within ULPS units in the last place of the true value."""
    number = result.dtype.type
    with mpmath.workdps(50):
        true = [oracle(*map(mpmath.mpf, row)) for row in zip(*(a.tolist() for a in arguments), strict=True)]
        units = [float(np.spacing(abs(number(float(t))))) for t in true]
        ulps = [abs(r - t) / unit for r, t, unit in zip(result.tolist(), true, units, strict=True)]
    worst = int(np.argmax(np.asarray(ulps, dtype=np.float64)))
    assert ulps[worst] <= ULPS, f"{float(ulps[worst]):.3f} ulp at {[a[worst] for a in arguments]}"


def quadrants(y, x):
    """The same points in all four quadrants, and with the axes exchanged."""
    y, x = np.concatenate([y, x]), np.concatenate([x, y])
    return np.concatenate([y, y, -y, -y]), np.concatenate([x, -x, x, -x])


def test_atan2_on_a_dense_range(atan2):
    """Every ratio of the shorter to the longer side, through the change of formula at pi / 8."""
    run, number = atan2
    ratio = np.linspace(0.0, 1.0, 301, dtype=number)[1:]
    y, x = quadrants(ratio, np.ones_like(ratio))
    check_ulps(run(y, x), mpmath.atan2, y, x)


def test_atan2_about_the_change_of_formula(atan2):
    run, number = atan2
    y = number(math.sqrt(2.0) - 1.0) * (number(1.0) + np.arange(-20, 21).astype(number) * np.finfo(number).eps)
    check_ulps(run(y, number(1.0)), mpmath.atan2, y, np.ones_like(y))


def test_atan2_on_random_magnitudes(atan2, rng):
    """Sides from 1e-12 to 1e12, so angles down to 1e-24 from an axis."""
    run, number = atan2
    y, x = quadrants(*(10.0 ** rng.uniform(-12.0, 12.0, (2, 200))).astype(number))
    check_ulps(run(y, x), mpmath.atan2, y, x)


def test_atan2_of_tiny_and_huge_sides(atan2):
    run, number = atan2
    info = np.finfo(number)
    sides = np.asarray([info.tiny, 64 * info.tiny, 1.0, info.max / 64, info.max / 4], dtype=number)
    y, x = (side.ravel() for side in np.meshgrid(sides, sides))
    normal = np.arctan2(y.astype(np.longdouble), x) >= info.tiny  # a denormal angle is 0 or itself
    check_ulps(run(y, x)[normal], mpmath.atan2, y[normal], x[normal])
    assert np.all((run(y, x)[~normal] >= 0.0) & (run(y, x)[~normal] < info.tiny))


def test_atan2_on_the_axes(atan2):
    run, number = atan2
    y, x = np.asarray([0.0, 0.0, 2.0, -2.0, 0.0], dtype=number), np.asarray([0.0, 3.0, 0.0, 0.0, -3.0], dtype=number)
    half_pi = number(math.pi / 2)
    np.testing.assert_array_equal(run(y, x), [0.0, 0.0, half_pi, -half_pi, number(math.pi)])


def test_atan2_of_infinity_and_nan(atan2):
    run, number = atan2
    y = np.asarray([1.0, np.inf, -np.inf, np.nan, 1.0, np.nan, np.nan, 0.0], dtype=number)
    x = np.asarray([np.inf, 1.0, 1.0, 1.0, np.nan, np.nan, np.inf, np.nan], dtype=number)
    nan, half_pi = np.nan, number(math.pi / 2)
    np.testing.assert_array_equal(run(y, x), [0.0, half_pi, -half_pi, nan, nan, nan, nan, nan])


def test_atan2_is_odd(atan2, rng):
    run, number = atan2
    y, x = rng.normal(size=(2, 500)).astype(number)
    np.testing.assert_array_equal(run(-y, x), -run(y, x))


def test_log1p_on_a_dense_range(log1p):
    """What the log IoU loss asks for, 0 to 1e6, and the whole of the domain below."""
    run, number = log1p
    dense = [np.linspace(-0.99, 3.0, 400), np.geomspace(1e-3, 1e6, 400), -np.geomspace(1e-3, 0.999, 200)]
    a = np.concatenate(dense).astype(number)
    check_ulps(run(a), mpmath.log1p, a)


def test_log1p_of_tiny_numbers_is_the_number(log1p):
    run, number = log1p
    a = np.geomspace(np.finfo(number).tiny, np.finfo(number).eps, 200).astype(number)
    a = np.concatenate([a, -a])
    check_ulps(run(a), mpmath.log1p, a)


def test_log1p_about_the_changes_of_exponent(log1p):
    """1 + a about sqrt(2) times powers of two, where the mantissa is reduced to the other side of 1."""
    run, number = log1p
    near = number(1.0) + np.arange(-8, 9).astype(number) * np.finfo(number).eps
    turns = (math.sqrt(0.5) * 2.0 ** np.arange(0, 21)).astype(number)
    a = (turns[:, None] * near - number(1.0)).ravel()
    check_ulps(run(a), mpmath.log1p, a)


def test_log1p_of_huge_numbers(log1p, rng):
    run, number = log1p
    a = (10.0 ** rng.uniform(6.0, 0.99 * np.log10(float(np.finfo(number).max)), 200)).astype(number)
    check_ulps(run(a), mpmath.log1p, a)


def test_log1p_of_zero_and_nan(log1p):
    run, _ = log1p
    np.testing.assert_array_equal(run(np.asarray([0.0, np.nan])), [0.0, np.nan])


def test_log1p_at_the_ends_of_its_domain(log1p):
    run, _ = log1p
    a = np.asarray([-1.0, -1.5, -np.inf, np.inf])
    np.testing.assert_array_equal(run(a), [-np.inf, np.nan, np.nan, np.inf])


@every_dtype
@pytest.mark.parametrize("name", ["minimum", "maximum"])
def test_minimum_and_maximum(name, dtype):
    a = np.asarray([1.0, 2.0, -1.0, -np.inf, 3.0, np.nan, 1.0, np.nan, np.nan])
    b = np.asarray([2.0, 1.0, -1.0, 0.0, np.inf, 1.0, np.nan, np.nan, np.inf])
    np.testing.assert_array_equal(loop(dtype, name)(a, b), getattr(np, name)(a, b).astype(dtype))


@every_dtype
@pytest.mark.parametrize("name", ["abs", "sign"])
def test_abs_and_sign(name, dtype):
    a = np.asarray([-2.5, -0.0, 0.0, 1e-30, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(loop(dtype, name)(a), getattr(np, name)(a).astype(dtype))


@pytest.fixture(scope="module", params=[(name, dtype) for name in ("exp", "expm1", "log") for dtype in DTYPES])
def function(request):
    """A function of one number with what it should be: in mpmath and in NumPy."""
    name, dtype = request.param
    return name, loop(dtype, name), np.dtype(dtype).type


def domain_of(name, number):
    """Numbers whose image is a normal number."""
    tiny, largest = float(np.finfo(number).tiny), 0.99 * float(np.finfo(number).max)
    small = np.geomspace(1e-12, 0.5, 100)
    if name == "log":
        near = 1.0 + np.arange(-8, 9) * float(np.finfo(number).eps)
        turns = (math.sqrt(0.5) * 2.0 ** np.arange(-20, 21)[:, None] * near).ravel()
        return np.concatenate([turns, 10 ** np.linspace(math.log10(tiny), math.log10(largest), 300), 1.0 + small])
    turns = (np.arange(-20, 21)[:, None] + 0.5) * math.log(2.0) * (1.0 + np.arange(-4, 5) * 1e-7)
    everywhere = [np.linspace(0.999999 * math.log(tiny), math.log(largest), 300), turns.ravel(), small, -small]
    return np.concatenate(everywhere if name == "exp" else [*everywhere, [1e-30, -1e-30]])


def test_exponentials_and_logarithms(function):
    name, run, number = function
    a = domain_of(name, number).astype(number)
    check_ulps(run(a), getattr(mpmath, name), a)


def test_edges_of_exponentials_and_logarithms(function):
    """What they are where no polynomial reaches, as NumPy has it."""
    name, run, number = function
    tiny = float(np.finfo(number).tiny)
    edges = np.asarray([0.0, -0.0, 1.0, -1.0, tiny, 1e4, -1e4, np.inf, -np.inf, np.nan, 3e38, -3e38], dtype=number)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(run(edges), getattr(np, name)(edges), rtol=4 * np.finfo(number).eps)


def test_exp_fades_to_zero(function):
    """Below the normal numbers it is 0, or what it should be."""
    name, run, number = function
    if name == "exp":
        a = np.linspace(-760.0, 1.001 * math.log(float(np.finfo(number).tiny)), 500).astype(number)
        np.testing.assert_array_equal(run(a), 0.0)
        about = (math.log(float(np.finfo(number).tiny)) * (1 + np.linspace(-1e-6, 1e-6, 201))).astype(number)
        assert np.all((run(about) == 0.0) | (np.abs(run(about) / np.exp(about) - 1.0) < 1e-6))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [exp_of_negative, expm1_of_negative], ids=["exp", "expm1"])
def test_exponentials_of_negative_numbers(function, dtype):
    number, name = np.dtype(dtype).type, function.__name__.removesuffix("_of_negative")
    run, a = loop(dtype, function), domain_of(name, number).astype(number)
    check_ulps(run(a[a <= 0]), getattr(mpmath, name), a[a <= 0])
    edges = np.asarray([0.0, -0.0, -1e-30, -1e4, -3e38, -np.inf, np.nan], dtype=number)
    np.testing.assert_array_equal(run(edges), getattr(np, name)(edges))
    faded = math.log(float(np.finfo(number).tiny)) * np.linspace(1.0, 1.02, 301)
    np.testing.assert_allclose(run(faded.astype(number)), getattr(np, name)(faded), atol=float(np.finfo(number).tiny))


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_less_exponential_of_numbers_up_to_one(dtype):
    number = np.dtype(dtype).type
    a = np.concatenate([np.linspace(0.0, 1.0, 4001), np.geomspace(1e-30, 1.0, 100), [1.0 + 1e-6]]).astype(number)
    run = loop(dtype, one_less_exp)
    check_ulps(run(a), lambda a: -mpmath.expm1(-a), a)
    np.testing.assert_array_equal(run(np.asarray([0.0, -0.0, np.nan], number)), [0.0, 0.0, np.nan])


@pytest.mark.parametrize("dtype", DTYPES)
def test_logarithm_of_one_and_a_number_inside(dtype):
    number = np.dtype(dtype).type
    a = np.concatenate([np.linspace(-0.999, 3.0, 500), np.geomspace(1e-30, 1e9, 100), -np.geomspace(1e-30, 0.5, 100)])
    a = a.astype(number)
    run = loop(dtype, log1p_inside)
    check_ulps(run(a), mpmath.log1p, a)
    np.testing.assert_array_equal(run(np.asarray([0.0, np.nan], number)), [0.0, np.nan])


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_less_a_power(dtype, rng):
    """Near 0, where 1 less the power has no digits left, too; a few roundings in each of up to four products."""
    number = np.dtype(dtype).type
    a = np.concatenate([rng.uniform(0.0, 1.0, 300), np.geomspace(1e-30, 0.5, 100)]).astype(number)
    exponent = rng.choice(HALVES, a.size).astype(number)
    oracle = lambda a, exponent: -mpmath.expm1(exponent * mpmath.log1p(-a))  # noqa: E731
    check_ulps(loop(dtype, one_less_power_of_halves)(a, exponent), oracle, a, exponent)
    for literal in LITERALS:
        found = loop(dtype, ("one less power", literal))(a)
        check_ulps(found, oracle, a, np.full_like(a, literal))
    general = loop(dtype, one_less_power)
    found = general(a[a > 0], number(2.3))
    np.testing.assert_allclose(
        found,
        [float(oracle(mpmath.mpf(float(x)), number(2.3).item())) for x in a[a > 0]],
        rtol=8 * np.finfo(number).eps,
    )
    assert np.isnan(general(np.asarray([np.nan], number), number(3.0))).all()


@pytest.fixture(scope="module", params=DTYPES)
def power(request):
    return loop(request.param, "pow"), np.dtype(request.param).type


def test_power(power, rng):
    """Shares to powers, and numbers of every size."""
    run, number = power
    base = np.concatenate(
        [rng.uniform(0.0, 1.0, 400), 1.0 - np.geomspace(1e-7, 0.5, 100), 10 ** rng.uniform(-9, 9, 300)]
    )
    exponent = rng.choice([0.5, 1.9, 2.0, 3.0, -1.5, 0.01, 3.7], base.size)
    base, exponent = base.astype(number), exponent.astype(number)
    check_ulps(run(base, exponent), mpmath.power, base, exponent)


def test_edges_of_power(power):
    run, number = power
    base = np.asarray([0.0, 0.0, 0.0, -1.0, np.nan, 1.0, 1e-30, 1e30, 1e-30, 0.5, np.inf, np.inf, 2.0], dtype=number)
    exponent = np.asarray([2.0, 0.0, -1.0, 0.5, 1.0, 1e30, 1e5, 1e5, -1e5, 0.0, 0.5, -1.0, np.nan], dtype=number)
    expected = [0.0, 1.0, np.inf, np.nan, np.nan, 1.0, 0.0, np.inf, np.inf, 1.0, np.inf, 0.0, np.nan]
    np.testing.assert_array_equal(run(base, exponent), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_by_products(dtype, rng):
    number = np.dtype(dtype).type
    base = np.concatenate([rng.uniform(0.0, 1.0, 400), 10 ** rng.uniform(-9, 9, 300)]).astype(number)
    exponent = rng.choice(HALVES, base.size).astype(number)
    run = loop(dtype, power_of_halves)
    check_ulps(run(base, exponent), mpmath.power, base, exponent)
    exponent = np.maximum(exponent, 1.0).astype(number)
    less = loop(dtype, power_of_one_less)
    np.testing.assert_array_equal(less(base, exponent), run(base, exponent - 1))
    base = np.asarray([0.0, 0.0, -1.0, -1.0, np.nan, np.nan, np.inf, np.inf, 1e30, 1e30], dtype=number)
    edges = run(base, np.asarray([0.0, 2.0, 1.0, 0.5, 0.0, 3.0, 0.0, 2.5, 1.0, 0.0], dtype=number))
    np.testing.assert_array_equal(edges, [1.0, 0.0, np.nan, np.nan, np.nan, np.nan, 1.0, np.inf, base[-1], 1.0])
    assert np.isnan(less(base[:1] + 2, exponent[:1] * 0)).all()  # it would be a quotient
    assert np.isnan(run(base[:1] + 2, exponent[:1] * 0 + 3.5)).all()  # none of them


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_power_and_its_slope(exponent, dtype, rng):
    """To an exponent that the kernel is made for by products, and to any other by way of the slope."""
    number = np.dtype(dtype).type
    a = np.concatenate([rng.random(500), np.geomspace(1e-6, 1.0, 50)]).astype(number)
    value, slope = loop(dtype, ("value", exponent)), loop(dtype, ("slope", exponent))
    wide = a.astype(np.longdouble)
    np.testing.assert_allclose(value(a), wide**exponent, rtol=4.0 * np.finfo(number).eps)
    np.testing.assert_allclose(slope(a), exponent * wide ** (exponent - 1.0), rtol=4.0 * np.finfo(number).eps)
    np.testing.assert_array_equal(value(np.asarray([0.0, np.nan], number)), [0.0, np.nan])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", HALVES)
def test_powers_that_a_kernel_is_made_for(exponent, dtype, rng):
    number = np.dtype(dtype).type
    base = np.concatenate([rng.uniform(0.0, 2.0, 2000), 10 ** rng.uniform(-9, 9, 300)]).astype(number)
    run = loop(dtype, ("power", exponent))
    check_ulps(run(base), mpmath.power, base, np.full_like(base, exponent))
    np.testing.assert_array_equal(run(np.asarray([0.0, np.inf], number)), np.asarray([0.0, np.inf]) ** exponent)


def test_numbers_that_are_not_normal(power, function):
    """Their logarithms and roots are as those of others."""
    run, number = power
    small = np.finfo(number).smallest_subnormal * number(2.0) ** np.arange(0, 20)
    check_ulps(run(small, number(0.5)), mpmath.power, small, np.full_like(small, 0.5))
    name, run, number = function
    if name == "log":
        small = np.finfo(number).smallest_subnormal * number(2.0) ** np.arange(0, 20)
        check_ulps(run(small), mpmath.log, small)


@pytest.mark.parametrize("name", ["sin", "cos"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_sine_and_cosine_up_to_a_million(name, dtype, rng):
    """And next to quarter turns, where what is left of an angle is small: two of those where it is the smallest."""
    number, run = np.dtype(dtype).type, loop(dtype, name)
    quarters = rng.integers(-636_000, 636_000, 2000) * (math.pi / 2)
    spread = [rng.uniform(-10, 10, 2000), rng.uniform(-1e6, 1e6, 2000), 10 ** rng.uniform(-9, 6, 500)]
    a = np.concatenate([*spread, quarters, [801176.8125, 534117.875, 100624.96, 24819.9, -1e6]]).astype(number)
    check_ulps(run(a), getattr(mpmath, name), a)
    np.testing.assert_array_equal(run(np.asarray([0.0, np.nan], number)), [float(name == "cos"), np.nan])
