"""The box losses of ``fvcore.nn``, and those of ``detectron2.layers`` beside them, for any array library."""

from typing import cast

from boxloss.check import REDUCTIONS, check_choice, check_not_negative
from boxloss.compat.arrays import distance, library, reduced
from boxloss.compat.conventions import FVCORE
from boxloss.typing import ArrayT, Reduction

__all__ = ["ciou_loss", "diou_loss", "giou_loss", "smooth_l1_loss"]


def giou_loss(boxes1: ArrayT, boxes2: ArrayT, reduction: Reduction = "none", eps: float = 1e-7) -> ArrayT:
    """Compute the GIoU loss of each pair of boxes, as ``fvcore.nn.giou_loss`` has it.

    Parameters
    ----------
    boxes1, boxes2 : array, shape (..., 4)
        Corners (x1, y1, x2, y2) of any array library.
    reduction : {"none", "mean", "sum"}
        The mean of nothing is 0.
    eps : float
        Added to the union and to the enclosing area.

    Returns
    -------
    array
        Values of the leading shape, or one value if reduced; differentiable where `boxloss.GIoU` is.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.GIoU : the loss itself, and its paper.

    Notes
    -----
    A side that is inverted counts as 0; there it fails an assertion.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.fvcore import giou_loss
    >>> giou_loss(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([1.0794])
    """
    return FVCORE["giou"]("linear", eps)(boxes1, boxes2, reduction=reduction)


def diou_loss(boxes1: ArrayT, boxes2: ArrayT, reduction: Reduction = "none", eps: float = 1e-7) -> ArrayT:
    """Compute the DIoU loss of each pair of boxes, as ``detectron2.layers.diou_loss`` has it.

    Parameters
    ----------
    boxes1, boxes2 : array, shape (..., 4)
        Corners (x1, y1, x2, y2) of any array library.
    reduction : {"none", "mean", "sum"}
        The mean of nothing is 0.
    eps : float
        Added to the union and to the squared diagonal.

    Returns
    -------
    array
        Values of the leading shape, or one value if reduced; differentiable where `boxloss.DIoU` is.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.DIoU : the loss itself, and its paper.

    Notes
    -----
    A side that is inverted counts as 0; there it fails an assertion.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.fvcore import diou_loss
    >>> diou_loss(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([0.9683])
    """
    return FVCORE["diou"]("linear", eps)(boxes1, boxes2, reduction=reduction)


def ciou_loss(boxes1: ArrayT, boxes2: ArrayT, reduction: Reduction = "none", eps: float = 1e-7) -> ArrayT:
    """Compute the CIoU loss of each pair of boxes, as ``detectron2.layers.ciou_loss`` has it.

    Parameters
    ----------
    boxes1, boxes2 : array, shape (..., 4)
        Corners (x1, y1, x2, y2) of any array library.
    reduction : {"none", "mean", "sum"}
        The mean of nothing is 0.
    eps : float
        Added to the union, to the squared diagonal and to the denominator of alpha.

    Returns
    -------
    array
        Values of the leading shape, or one value if reduced; differentiable where `boxloss.CIoU` is.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.CIoU : the loss itself, and its paper.

    Notes
    -----
    A side that is inverted counts as 0; there it fails an assertion.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.fvcore import ciou_loss
    >>> ciou_loss(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])).round(4)
    array([0.9683])
    """
    return FVCORE["ciou"]("linear", eps)(boxes1, boxes2, reduction=reduction)


def smooth_l1_loss(input: ArrayT, target: ArrayT, beta: float, reduction: Reduction = "none") -> ArrayT:
    """Compute the smooth L1 loss of each number, as ``fvcore.nn.smooth_l1_loss`` has it.

    Parameters
    ----------
    input, target : array
        Numbers of one shape and any array library, which computes and differentiates this.
    beta : float
        Where the quadratic part ends; below 1e-5 the loss is L1.
    reduction : {"none", "mean", "sum"}
        The mean of nothing is 0.

    Returns
    -------
    array
        Values of that shape, one for each number, or one value if reduced.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    See Also
    --------
    boxloss.SmoothL1 : the loss of each pair of boxes, in one kernel with its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from boxloss.compat.fvcore import smooth_l1_loss
    >>> smooth_l1_loss(np.asarray([0.0, 0.0]), np.asarray([0.25, 3.0]), beta=0.5)
    array([0.0625, 2.75  ])
    """
    check_choice("reduction", reduction, REDUCTIONS)
    beta = check_not_negative("beta", beta)
    xp = library(input, target, ("input", "target"))
    size = distance(xp, input, target)
    values = size if beta < 1e-5 else xp.where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta)
    return cast(ArrayT, reduced(xp, values, reduction))
