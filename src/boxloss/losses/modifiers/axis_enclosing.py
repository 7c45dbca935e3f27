"""A loss with the enclosing box along the axes of the image."""

from dataclasses import dataclass

from boxloss.losses.coordinate import CoordinateLoss
from boxloss.losses.loss import Loss, WeightedSum
from boxloss.losses.modifiers.modifier import Modifier, OfOtherBoxes
from boxloss.shapes.mapped import Mapped
from boxloss.shapes.shape import Pair


def encloses(loss: Loss) -> bool:
    """Say whether a loss reads the enclosing box; of one with relations of its own, or none, nobody knows."""
    if isinstance(loss, Modifier):
        return encloses(loss.loss)
    if isinstance(loss, WeightedSum):
        return any(encloses(term) for _, term in loss.terms)
    names = loss.relations
    is_known = isinstance(loss, CoordinateLoss) or bool(names)
    return not is_known or any(not isinstance(name, str) or name.startswith("enclosing") for name in names)


@dataclass(frozen=True)
class AxisEnclosing(OfOtherBoxes):
    r"""A loss of boxes with an angle, with the enclosing box along the axes of the image.

    GIoU, DIoU, CIoU, EIoU, SIoU and others relate two boxes to one that encloses both. For boxes with an angle that is
    the smaller of the two rectangles along the boxes, unless this modifier makes it the rectangle along x and y, as
    the rotated GIoU of powerboxes has it. Its area and diagonal are larger as a rule, and they change where both boxes
    are turned. So a match of turned boxes is no minimum of the GIoU loss: it is greater than 0, with a slope that
    shortens the box. Range and kinks are those of the loss, and others where a box lies along an axis. Boxes without an
    angle have the one enclosing box either way. Of boxes in space with a yaw it is the box along x, y and z.

    Parameters
    ----------
    loss : Loss
        A loss that reads the enclosing box: GIoU, DIoU, CIoU, EIoU, SIoU, WIoU, Shape-IoU, or one made of such.

    Raises
    ------
    TypeError, ValueError
        If `loss` is no loss, or reads no enclosing box.

    Examples
    --------
    Two boxes of 4 by 1 on one line, turned by 45 degrees:

    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 4, 1, 45]]), np.asarray([[3.0, 3, 4, 1, 45]])
    >>> boxes = pred, target
    >>> bl.giou(*boxes, format="cxcywhd").round(4), bl.AxisEnclosing(bl.giou)(*boxes, format="cxcywhd").round(4)
    (array([1.0294]), array([1.8127]))
    """

    summary = "L, with the enclosing box along the axes of the image"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not encloses(self.loss):
            raise ValueError(
                f"AxisEnclosing changes the box that encloses two others, which {type(self.loss).__name__} does not "
                "read: give it a loss such as bl.giou"
            )

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula of the loss."""
        return f"{self.loss.told}, with the enclosing box along the image"

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """That of the loss; sides along a box that are related to those of this enclosing box have no bound."""
        return "[0, inf)" if {"size_difference", "enclosing_sides"} <= set(self.loss.relations) else super().value_range

    def mapped(self, pair: Pair) -> Mapped:
        """Make the pair with other enclosing boxes."""
        return Mapped(pair.along_image(), lambda gradient: gradient)
