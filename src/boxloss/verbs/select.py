"""Which engine runs a call: the only place that asks for a backend."""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from boxloss.check import check_choice
from boxloss.engines.threads import get_num_threads
from boxloss.libraries import cuda
from boxloss.libraries.arrays import is_cuda_array, is_tensor, kind_of
from boxloss.typing import Array

ENGINES = ("auto", "array", "numba", "cuda")


def engine(name: str, pred: Array) -> str:
    """Find the engine of this name, or the fastest that can take the arrays."""
    if name == "auto" and type(pred) is np.ndarray and not is_compiler_off():
        return "numba"
    check_choice("engine", name, ENGINES)
    on_cpu = isinstance(pred, np.ndarray) or (is_tensor(pred) and pred.device.type == "cpu")
    if on_cpu and name in ("auto", "numba"):
        if not is_compiler_off():
            return "numba"
        if name == "numba":
            raise RuntimeError("engine='numba' needs Numba's compiler, which NUMBA_DISABLE_JIT=1 turns off")
        return "array"
    if name == "numba":
        raise ValueError(f"engine='numba' takes NumPy arrays and torch tensors on the CPU; got {kind_of(pred)}")
    if name == "cuda":
        cuda.check(pred)
        return "cuda"
    return "cuda" if name == "auto" and is_cuda_array(pred) and not cuda.missing() else "array"


@cache
def is_compiler_off() -> bool:
    """Say whether Numba compiles nothing, as a debugger or a measurement of coverage wants it."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def runner(verb: str, name: str, pred: Array) -> Callable[..., Any]:
    """Find what runs a verb on an engine: ``run(program, request, ...)``."""
    return _run(verb, engine(name, pred))


@cache
def _run(verb: str, name: str) -> Callable[..., Any]:
    """Import a verb on an engine, when it is first asked for: Numba takes a while."""
    if name != "array":
        get_num_threads()  # what Numba says of a wrong NUMBA_NUM_THREADS does not name it
    run: Callable[..., Any] = import_module(f"boxloss.verbs.{verb}.{name}").run
    return run
