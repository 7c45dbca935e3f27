"""The machine that executes PTX: instructions, branches, barriers, and the faults that it has to find."""

import re

import numpy as np
import pytest

from ptx_machine import machine
from ptx_machine.memory import KernelError
from ptx_machine.parse import parse
from ptx_machine.steps import UnknownInstructionError
from ptx_programs import ENTRY, SHARED, execute

# --- Programs ---------------------------------------------------------------------------------------------------------


def test_threads_that_part_meet_again():
    """The number of steps of the Collatz sequence, which is another for each thread."""
    body = """
	ld.global.u32 %r5, [%rd4]; mov.u32 %r6, 0;
$next:
	setp.le.u32 %p1, %r5, 1;
	@%p1 bra $done;
	and.b32 %r7, %r5, 1; setp.eq.s32 %p2, %r7, 0;
	@%p2 bra $even;
	mad.lo.u32 %r5, %r5, 3, 1;
	bra.uni $count;
$even:
	shr.u32 %r5, %r5, 1;
$count:
	add.u32 %r6, %r6, 1;
	bra $next;
$done:
	st.global.u32 [%rd5], %r6;
"""
    lengths = [0, 0, 1, 7, 2, 5, 8, 16, 3, 19, 6, 14, 9, 9, 17, 17]
    np.testing.assert_array_equal(execute(body, np.arange(16, dtype=np.uint32), threads=8, blocks=2), lengths)


def test_guards_constants_and_conversions():
    body = """
	ld.global.f32 %f1, [%rd4];
	setp.gtu.f32 %p1, %f1, 0f40000000;
	add.rn.f32 %f2, %f1, 0f3F800000;
	@!%p1 neg.f32 %f2, %f2;
	cvt.rn.f64.s32 %fd1, %r1;
	add.rn.f64 %fd1, %fd1, 0d3FE0000000000000;
	cvt.rn.f32.f64 %f3, %fd1;
	selp.f32 %f2, %f3, %f2, %p1;
	cvt.s64.s32 %rd6, -1;
	shl.b64 %rd7, %rd6, 40; add.s64 %rd6, %rd6, %rd7; // above the lower half, of which alone it is made again
	cvt.s64.s32 %rd6, %rd6;
	add.s64 %rd5, %rd5, 4; add.s64 %rd5, %rd5, %rd6; sub.s64 %rd5, %rd5, 3;
	st.global.f32 [%rd5+0], %f2;
"""
    given = np.array([1.0, 2.0, 3.0, np.nan], np.float32)
    np.testing.assert_array_equal(execute(body, given, 4, expected_type=np.float32), [-2.0, -3.0, 2.5, 3.5])


def test_vectors():
    """Every fourth thread turns round four words."""
    body = """
	and.b32 %r5, %r1, 3; setp.ne.s32 %p1, %r5, 0;
	@%p1 bra $done;
	ld.global.nc.v4.f32 {%f1, %f2, %f3, %f4}, [%rd4];
	st.global.v2.f32 [%rd5+8], {%f2, %f1};
	@!%p1 st.global.v2.f32 [%rd5], {%f4, %f3};
$done:
"""
    given = np.arange(32, dtype=np.float32)
    result = execute(body, given, expected_type=np.float32)
    np.testing.assert_array_equal(result, given.reshape(-1, 4)[:, ::-1].ravel())


VOTE = """
	ld.global.u32 %r5, [%rd4];
	{ // inline assembly of the compiler: registers of its own, with names that there are outside
	.reg .pred 	%p1;
	.reg .pred 	%p2;
	setp.gt.u32 	%p1, %r5, 9;
	VOTES
	}
	st.global.u32 [%rd5], %r6;
"""


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ("bar.red.popc.u32 %r6, 0, %p1;", [6, 6, 6, 6, 6, 6, 6, 6, 8, 8, 8, 8, 8, 8, 8, 8]),
        ("barrier.cta.red.popc.aligned.u32 %r6, 0, !%p1;", [2] * 8 + [0] * 8),
        ("bar.red.and.pred %p2, 0, %p1; selp.u32 %r6, 1, 0, %p2;", [0] * 8 + [1] * 8),
        ("barrier.cta.red.or.pred.aligned %p2, 0, !%p1; selp.u32 %r6, 1, 0, %p2;", [1] * 8 + [0] * 8),
    ],
)
def test_barriers_that_count(votes, expected):
    given = np.arange(8, 24, dtype=np.uint32)
    np.testing.assert_array_equal(execute(VOTE.replace("VOTES", votes), given, threads=8, blocks=2), expected)


def test_counts_of_bits():
    body = """
	ld.global.u32 %r5, [%rd4];
	popc.b32 %r6, %r5; clz.b32 %r7, %r5; brev.b32 %r8, %r5;
	mad.lo.u32 %r6, %r6, 100, %r7; xor.b32 %r6, %r6, %r8;
	bfind.shiftamt.u32 %r7, %r5;
	add.u32 %r6, %r6, %r7;
	st.global.u32 [%rd5], %r6;
"""
    given = np.array([0, 1, 0x80000000, 0x00F00001], np.uint32)
    expected = [31, 31 + ((100 + 31) ^ 0x80000000), 100 ^ 1, 8 + ((500 + 8) ^ 0x80000F00)]
    np.testing.assert_array_equal(execute(body, given, 4), expected)


def test_shared_memory_is_that_of_a_block():
    """Each thread gets the word of its neighbour, twice over."""
    body = """
	ld.global.u32 %r5, [%rd4];
	mov.u32 %r6, 0;
	mov.u64 %rd6, tile;
	mul.wide.u32 %rd7, %r1, 4; add.s64 %rd7, %rd6, %rd7;
	xor.b32 %r7, %r1, 1; mul.wide.u32 %rd8, %r7, 4; add.s64 %rd8, %rd6, %rd8;
$again:
	st.shared.u32 [%rd7], %r5;
	bar.sync 0;
	ld.shared.u32 %r5, [%rd8];
	barrier.sync 0;
	add.u32 %r5, %r5, 100;
	add.u32 %r6, %r6, 1;
	setp.lt.u32 %p1, %r6, 3;
	@%p1 bra $again;
	st.global.u32 [%rd5], %r5;
"""
    given = np.arange(64, dtype=np.uint32)
    np.testing.assert_array_equal(execute(body, given, threads=16, blocks=4), (given ^ 1) + 300)


def test_places_of_threads_along_three_axes():
    names = ["%tid.x", "%tid.y", "%tid.z", "%ctaid.x", "%ctaid.y", "%ctaid.z"]
    sizes = ((2, 3, 4), (5, 1, 2))
    operands = machine.Operands({}, {}, *sizes[::-1])
    places = [operands.everyones(name, "u32") for name in names]
    tid, ctaid = np.divmod(np.arange(240), 24)[::-1]
    np.testing.assert_array_equal(places[0] + 2 * places[1] + 6 * places[2], tid)
    np.testing.assert_array_equal(places[3] + 5 * places[4] + 5 * places[5], ctaid)
    assert [operands.source(f"%n{name}.z", "u32") for name in ("tid", "ctaid")] == [4, 2]


# --- Faults -----------------------------------------------------------------------------------------------------------

STAGE = "mul.wide.u32 %rd7, %r1, 4; mov.u64 %rd6, tile; add.s64 %rd7, %rd6, %rd7; xor.b32 %r7, %r1, 1;"
STAGE += "mul.wide.u32 %rd8, %r7, 4; add.s64 %rd8, %rd6, %rd8; mov.u64 %rd6, tile;"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("ld.global.u32 %r5, [%rd4+4];", "thread 31 accesses memory outside of every variable, as do 0 others: ld.gl"),
        ("ld.global.u32 %r5, [%rd4+-4];", "thread 0 accesses memory outside of every variable"),
        ("st.global.u32 [%rd4+128], %r1;", "outside of every variable, as do 31 others"),
        ("ld.global.u32 %r5, [256];", "outside of every variable"),
        ("ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd4];", "thread 1 accesses 16 bytes at an address that is no mult"),
        ("ld.global.f64 %fd1, [%rd4];", "thread 1 accesses 8 bytes at an address that is no multiple"),
        ("st.global.u32 [%rd4+2], %r1;", "accesses 4 bytes"),
        ("st.global.u32 [%rd1], %r1;", "writes what another thread writes"),
        ("ld.global.u32 %r5, [%rd1]; st.global.u32 [%rd4], %r5;", "thread 0 writes what another thread reads, as do 0"),
        (
            "ld.global.u32 %r5, [%rd1]; setp.eq.s32 %p1, %r1, 31; @%p1 st.global.u32 [%rd1], %r5;",
            "thread 31 writes what another thread reads",
        ),
        (
            "st.global.u32 [%rd4], %r1; ld.global.u32 %r5, [%rd1];",
            "thread 1 reads what another thread writes, as do 30",
        ),
        (f"{STAGE} ld.shared.u32 %r5, [%rd7];", "thread 0 reads what nothing has written, as do 31"),
        (f"{STAGE} st.shared.u32 [%rd7], %r1; ld.shared.u32 %r5, [%rd8];", "reads what another thread writes"),
        (
            f"{STAGE} st.shared.u32 [%rd7], %r1; bar.sync 0; ld.shared.u32 %r5, [%rd8]; st.shared.u32 [%rd7], %r5;",
            "writes what another thread reads",
        ),
        (f"{STAGE} st.shared.u32 [%rd6], %r1;", "writes what another thread writes"),
        (f"{STAGE} st.shared.u32 [%rd7+4], %r1;", "thread 31 accesses memory outside of every variable"),
        ("mov.u64 %rd6, more; st.shared.v2.u32 [%rd6], {%r1, %r1};", "accesses 8 bytes at an address"),
        ("setp.eq.s32 %p1, %r1, 3; @%p1 bra $out; bar.sync 0; $out: ret;", "some have left while others wait"),
        ("setp.eq.s32 %p1, %r1, 3; @%p1 bra $out; bar.sync 0; ret; $out: bar.sync 0;", "wait at different barriers"),
        ("$ever: bra $ever;", "does not end"),
    ],
)
def test_faults(body, text, monkeypatch):
    monkeypatch.setattr(machine, "MOST_STEPS", 100)
    with pytest.raises(KernelError, match=re.escape(text)):
        execute(body, np.arange(32, dtype=np.uint32))


@pytest.mark.parametrize(
    "instruction",
    [
        "add.f32 %f1, %f1, %f1",
        "sin.approx.f32 %f1, %f1",
        "vote.all.pred %p1, %p1",
        "vote.sync.ballot.pred %p1, %p1, -1",
        "shfl.idx.b32 %r5, %r5, 0, 31",
        "shfl.sync.idx.b64 %rd6, %rd6, 0, 31, -1",
        "match.any.sync.b32 %r5, %r6, -1",
        "ld.local.f32 %f1, [%rd1]",
        "ld.global.u8 %r5, [%rd1]",
        "ld.f32 %f1, [%rd1]",
        "cvt.rz.f32.f64 %f1, %fd1",
        "div.s32 %r5, %r5, %r6",
        "bar.sync 1",
        "bar.sync 0, 64",
        "bar.arrive 0, 64",
        "@%p1 bar.sync 0",
        "add.rn.f32 %f1, %f1, %nothing",
        "call.uni helper, (%r1)",
    ],
)
def test_unknown_instructions_are_named(instruction):
    with pytest.raises(UnknownInstructionError, match=re.escape(instruction)):
        execute(instruction + ";", np.arange(32, dtype=np.uint32))


def test_text_that_is_no_ptx():
    with pytest.raises(AssertionError, match="no PTX"):
        parse(ENTRY.format(body="", shared=SHARED).replace("ret;", "ret"))
