"""Short programs in PTX, for tests of the machine that executes it."""

from typing import Any

import numpy as np

from ptx_machine.machine import Machine
from ptx_machine.memory import Memory
from ptx_machine.parse import parse

ENTRY = """
.version 8.0
.target sm_90
{shared}
.visible .entry kernel(
	.param .u64 first, // the first array
	.param .u64 second
)
{{
	.reg .pred 	%p<9>;
	.reg .f32 	%f<9>;
	.reg .f64 	%fd<9>;
	.reg .b32 	%r<9>;
	.reg .b64 	%rd<9>;

	ld.param.u64 	%rd1, [first];
	ld.param.u64 	%rd2, [second];
	mov.u32 	%r1, %tid.x;
	mov.u32 	%r2, %ctaid.x;
	mov.u32 	%r3, %ntid.x;
	mad.lo.s32 	%r4, %r2, %r3, %r1;
	mul.wide.u32 	%rd3, %r4, 4;
	add.s64 	%rd4, %rd1, %rd3;
	add.s64 	%rd5, %rd2, %rd3;
	{body}
	ret;
}}
"""
SHARED = ".visible .shared .align 16 .b8 tile[128];\n.visible .shared .align 4 .b8 more[128];"


def execute(
    body: str, given: Any, threads: int = 32, blocks: int = 1, expected_type: Any = np.uint32, seed: int = 0
) -> Any:
    """Run a body that reads a word of `given` by each thread at %rd4, and writes one at %rd5."""
    given = np.asarray(given)
    memory = Memory([given.nbytes, 4 * threads * blocks], [0, 0], 40)
    memory.is_set[:] = True
    memory.data[memory.words_of(0)] = given.view(np.uint32)
    kernel = parse(ENTRY.format(body=body, shared=SHARED))
    Machine(kernel, memory, memory.addresses.tolist(), (blocks, 1, 1), (threads, 1, 1), seed).run()
    return memory.data[memory.words_of(1)].view(expected_type)
