"""Shuffles and votes in the machine that executes PTX: what lanes tell each other, and faults."""

import re

import numpy as np
import pytest

from ptx_machine.memory import KernelError
from ptx_programs import execute

# What each lane gets of the others' numbers, which are their own places; where there is none it keeps its own.
SHUFFLES = {
    "shfl.sync.up.b32 %r6, %r1, 3, 0, -1;": lambda lane: np.where(lane >= 3, lane - 3, lane),
    "shfl.sync.down.b32 %r6, %r1, 30, 31, -1;": lambda lane: np.where(lane < 2, lane + 30, lane),
    "shfl.sync.bfly.b32 %r6, %r1, 5, 31, -1;": lambda lane: lane ^ 5,
    "shfl.sync.idx.b32 %r6, %r1, 9, 31, -1;": lambda lane: np.full(32, 9),
    "shfl.sync.idx.b32 %r6, %r1, 41, 31, 4294967295;": lambda lane: np.full(32, 9),
    # In parts of eight lanes: the upper bits of the fourth operand say which bits of a lane stay as they are.
    "shfl.sync.up.b32 %r6, %r1, 1, 6144, -1;": lambda lane: np.where(lane % 8 >= 1, lane - 1, lane),
    "shfl.sync.down.b32 %r6, %r1, 2, 6175, -1;": lambda lane: np.where(lane % 8 < 6, lane + 2, lane),
    "shfl.sync.idx.b32 %r6, %r1, 3, 6175, -1;": lambda lane: lane // 8 * 8 + 3,
}


@pytest.mark.parametrize("instruction", SHUFFLES)
def test_shuffles(instruction):
    """In each of the warps of two blocks."""
    lane = np.arange(32)
    expected = np.tile(np.concatenate([SHUFFLES[instruction](lane), SHUFFLES[instruction](lane) + 32]), 2)
    given = np.arange(128, dtype=np.uint32)
    np.testing.assert_array_equal(execute(instruction + "st.global.u32 [%rd5], %r6;", given, 64, 2), expected)


def test_shuffle_says_whether_there_was_a_lane():
    body = "shfl.sync.up.b32 %r6|%p1, %r1, 4, 0, -1; selp.u32 %r6, %r6, 99, %p1; st.global.u32 [%rd5], %r6;"
    np.testing.assert_array_equal(execute(body, np.arange(32, dtype=np.uint32)), [99] * 4 + list(range(28)))


@pytest.mark.parametrize(
    ("vote", "expected"),
    [
        ("vote.sync.ballot.b32 %r6, %p1, -1;", [0xFFFFFC00, 0xFFFFFFFF]),
        ("vote.sync.ballot.b32 %r6, !%p1, -1;", [0x000003FF, 0]),
        ("vote.sync.all.pred %p2, %p1, -1; selp.u32 %r6, 1, 0, %p2;", [0, 1]),
        ("vote.sync.any.pred %p2, !%p1, -1; selp.u32 %r6, 1, 0, %p2;", [1, 0]),
        ("vote.sync.uni.pred %p2, %p1, -1; selp.u32 %r6, 1, 0, %p2;", [0, 1]),
    ],
)
def test_votes_of_a_warp(vote, expected):
    body = f"ld.global.u32 %r5, [%rd4]; setp.gt.u32 %p1, %r5, 9; {vote} st.global.u32 [%rd5], %r6;"
    np.testing.assert_array_equal(execute(body, np.arange(64, dtype=np.uint32), 64), np.repeat(expected, 32))


def test_lanes_wait_for_those_that_they_name():
    """Some are there at once, and others after a step that lies behind."""
    body = """
	setp.lt.u32 %p1, %r1, 80;
	mov.u32 %r5, %r1;
	@%p1 bra $before;
$meet:
	shfl.sync.bfly.b32 %r6, %r5, 16, 31, -1;
	st.global.u32 [%rd5], %r6;
	ret;
$before:
	add.u32 %r5, %r5, 1000;
	bra.uni $meet;
"""
    own = np.arange(96) + np.where(np.arange(96) < 80, 1000, 0)
    np.testing.assert_array_equal(execute(body, np.arange(96, dtype=np.uint32), 96), own[np.arange(96) ^ 16])


def test_some_lanes_talk_to_each_other_alone():
    body = """
	setp.lt.u32 %p1, %r1, 4;
	@!%p1 bra $rest;
	shfl.sync.idx.b32 %r6, %r1, 2, 31, 15;
	bra.uni $done;
$rest:
	vote.sync.ballot.b32 %r6, %p1, -16;
$done:
	st.global.u32 [%rd5], %r6;
"""
    np.testing.assert_array_equal(execute(body, np.arange(32, dtype=np.uint32)), [2] * 4 + [0] * 28)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "shfl.sync.idx.b32 %r5, %r1, 7, 31, 15;",
            "thread 4 is not among those it names, as do 27 others: shfl",
        ),
        (
            "setp.lt.u32 %p1, %r1, 4; @!%p1 bra $out; shfl.sync.idx.b32 %r5, %r1, 7, 31, 15; $out: ret;",
            "thread 0 reads from lane 7, which does not take part, as do 3 others: shfl",
        ),
        (
            "setp.lt.u32 %p1, %r1, 4; @!%p1 bra $out; shfl.sync.up.b32 %r5, %r1, 1, 0, -1; $out: ret;",
            "thread 0 waits for lanes that do not come, as do 3 others: shfl",
        ),
        (
            "setp.lt.u32 %p1, %r1, 4; @%p1 bra $out; vote.sync.any.pred %p1, %p1, -1; ret; $out: bar.sync 0;",
            "thread 4 waits for lanes that do not come, as do 27 others: vote",
        ),
        (
            "setp.lt.u32 %p1, %r1, 9; selp.u32 %r6, -1, 0xFFFFFE00, %p1; vote.sync.any.pred %p2, %p1, %r6;",
            "thread 0 waits for lanes that do not come",
        ),
    ],
)
def test_faults_of_warps(body, text):
    with pytest.raises(KernelError, match=re.escape(text)):
        execute(body, np.arange(32, dtype=np.uint32))
