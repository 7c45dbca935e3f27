"""What this package uses of torch that is not its public interface.

Seen to work with torch 2.6 to 2.14. Each name has a fallback that is right, if slower, where it is gone.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.utils._python_dispatch
from torch import Tensor
from torch.autograd import forward_ad

_are_active = getattr(torch._C, "_are_functorch_transforms_active", None)
_keep_graph = getattr(getattr(torch._C, "_autograd", None), "_get_current_graph_task_keep_graph", None)
_dispatch_mode = getattr(torch.utils._python_dispatch, "_get_current_dispatch_mode", None)
_disable_modes = getattr(torch.utils._python_dispatch, "_disable_current_modes", None)
_functorch = getattr(torch._C, "_functorch", None)
_is_wrapped = getattr(_functorch, "is_functorch_wrapped_tensor", None)
_unwrap = getattr(_functorch, "get_unwrapped", None)
_has_storage = getattr(torch._C, "_has_storage", None)
_fake = getattr(getattr(torch, "_subclasses", None), "FakeTensor", None)


def are_transforms_active() -> bool:
    """Say whether a transform of torch.func runs; without the name, it is taken to run where torch.func was used."""
    if _are_active is not None:
        return bool(_are_active())
    peek = getattr(_functorch, "peek_interpreter_stack", None)
    return peek is not None and peek() is not None


def is_recorded() -> bool:
    """Say whether operations are written down for later: by torch.jit.trace, make_fx, or another mode that sees all."""
    return bool(torch.jit.is_tracing()) or (_dispatch_mode is not None and _dispatch_mode() is not None)


def without_modes() -> AbstractContextManager[Any]:
    """Turn off the modes that make tensors fake: torch.compile runs the import of an adapter in one."""
    return nullcontext() if _disable_modes is None else _disable_modes()


def unwrapped(tensor: Tensor) -> Tensor:
    """Unwrap a tensor, so that it outlives the transforms of torch.func that it was made under."""
    while _is_wrapped is not None and _unwrap is not None and _is_wrapped(tensor):
        tensor = _unwrap(tensor)
    return tensor


def is_fake(tensor: Tensor) -> bool:
    """Say whether a tensor has a shape and a type but no numbers."""
    return _fake is not None and isinstance(tensor, _fake)


def is_graph_kept() -> bool:
    """Say whether the backward that runs now was called with retain_graph; True is safe."""
    return True if _keep_graph is None else bool(_keep_graph())


def has_memory(tensor: Tensor) -> bool:
    """Say whether a tensor has memory of its own: one that a batched backward hands on has none. False is safe."""
    return False if _has_storage is None else bool(_has_storage(tensor))


def is_forward_mode() -> bool:
    """Say whether tensors may carry a derivative of forward mode; True is safe."""
    return getattr(forward_ad, "_current_level", None) != -1


def has_tangent(tensor: Tensor) -> bool:
    """Say whether a tensor carries one."""
    return forward_ad.unpack_dual(tensor).tangent is not None


def decompose(operator: Any, rule: Callable[..., Any]) -> None:
    """Give Inductor, if it was imported, a rule by which an operator becomes others; without its table, none."""
    if "torch._inductor" in sys.modules:  # it is what compiles, or has been: its import takes seconds
        try:
            from torch._inductor import decomposition
        except ImportError:
            return
        table = getattr(decomposition, "decompositions", {})
        copied = getattr(decomposition, "fast_random_decomps", None)  # made of the table when Inductor first compiled
        if operator not in table:
            table[operator] = rule
            if copied is not None:
                copied.cache_clear()
