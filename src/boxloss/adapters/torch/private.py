"""What this package uses of torch that is not its public interface.

Seen to work with torch 2.6 to 2.14. Each name has a fallback that is right, if slower, where it is gone.
"""

from typing import Any

import torch

_are_active = getattr(torch._C, "_are_functorch_transforms_active", None)
_keep_graph = getattr(getattr(torch._C, "_autograd", None), "_get_current_graph_task_keep_graph", None)
_has_storage = getattr(torch._C, "_has_storage", None)


def are_transforms_active() -> bool:
    """Whether a transform of torch.func runs; without the name, that is taken to be so where torch.func was used."""
    if _are_active is not None:
        return bool(_are_active())
    functorch = getattr(torch._C, "_functorch", None)
    peek = getattr(functorch, "peek_interpreter_stack", None)
    return peek is not None and peek() is not None


def is_graph_kept() -> bool:
    """Whether the backward that runs now was called with retain_graph; True is safe."""
    return True if _keep_graph is None else bool(_keep_graph())


def has_memory(tensor: Any) -> bool:
    """Whether a tensor has memory of its own: one that a batched backward hands on has none. False is safe."""
    return False if _has_storage is None else bool(_has_storage(tensor))
