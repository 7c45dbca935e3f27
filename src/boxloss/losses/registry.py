"""The losses that are defined, by name: an instance of each, with default parameters."""

from keyword import iskeyword
from typing import TypeVar

from boxloss.check import kind_of_object
from boxloss.formulas.program import keep_for_adapters
from boxloss.losses.loss import Loss
from boxloss.losses.names import NAMES

LossT = TypeVar("LossT", bound=Loss)

BY_NAME: dict[str, Loss] = {}


def register(name: str, loss: LossT) -> LossT:
    """Register an instance under its name.

    Parameters
    ----------
    name : str
        What `get` calls it, an identifier; the command line knows the losses of the package only.
    loss : Loss
        The instance. It may take the place of one whose class is of the same module, unless that is of this package:
        so a cell of a notebook may run again, and a module may be loaded again.

    Returns
    -------
    Loss
        The instance.

    Raises
    ------
    TypeError, ValueError
        If `name` is no identifier or `loss` no loss, or if the name is that of a loss of another module.
    """
    if not isinstance(name, str) or not name.isidentifier() or iskeyword(name):
        raise ValueError(f"name must be an identifier, as 'my_iou'; got {name!r}")
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be an instance of a loss; got {kind_of_object(loss)}")
    before, kind = type(BY_NAME.get(name, loss)), type(loss)
    where, which = before.__module__, before.__qualname__
    if name in NAMES:  # one of the package, which may not have been asked for yet
        where, which = f"boxloss.losses.{name}", NAMES[name]
    if where != kind.__module__ or (name in NAMES and loss != kind()):
        raise ValueError(
            f"name must not be that of another loss: {name!r} is {where}.{which}; "
            f"got it for {kind.__module__}.{kind.__qualname__ if where != kind.__module__ else loss}"
        )
    BY_NAME[name] = loss
    keep_for_adapters(loss.program)  # one that is asked for first in a graph of torch.compile is more than the graph
    return loss
