"""The IoU of boxes with an angle as one writes it in torch: corners and crossings, sorted about their centre."""

from typing import Any


def corners(boxes: Any) -> Any:
    """The corners of (x, y, w, h, angle), shape (N, 4, 2)."""
    import torch

    x, y, w, h, angle = boxes.unbind(-1)
    signs = torch.tensor([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], dtype=boxes.dtype)
    along, across = signs[:, 0] * w[:, None], signs[:, 1] * h[:, None]
    cos, sin = torch.cos(angle)[:, None], torch.sin(angle)[:, None]
    return torch.stack([x[:, None] + along * cos - across * sin, y[:, None] + along * sin + across * cos], dim=-1)


def inside(points: Any, box: Any) -> Any:
    """Which points lie in the boxes, (N, 4)."""
    along, across = box[:, 1] - box[:, 0], box[:, 3] - box[:, 0]
    offset = points - box[:, :1]
    found = True
    for side in (along, across):
        share = (offset * side[:, None]).sum(-1) / (side * side).sum(-1, keepdim=True)
        found = (share >= 0) & (share <= 1) & found
    return found


def crossings(one: Any, other: Any) -> tuple[Any, Any]:
    """Where the edges of two boxes cross, (N, 16, 2), and which do."""
    start, end = one[:, :, None], one.roll(-1, 1)[:, :, None]
    begin, finish = other[:, None], other.roll(-1, 1)[:, None]
    along, across, offset = end - start, finish - begin, begin - start

    def cross(a: Any, b: Any) -> Any:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

    determinant = cross(along, across)
    is_parallel = determinant.abs() < 1e-12
    divisor = determinant.masked_fill(is_parallel, 1.0)
    share, other_share = cross(offset, across) / divisor, cross(offset, along) / divisor
    found = ~is_parallel & (share > 0) & (share < 1) & (other_share > 0) & (other_share < 1)
    points = start + share[..., None] * along
    return points.flatten(1, 2), found.flatten(1)


def iou(pred: Any, target: Any) -> Any:
    """The IoU of each pair, differentiable where no corner lies on an edge."""
    import torch

    one, other = corners(pred), corners(target)
    points, found = crossings(one, other)
    points = torch.cat([points, one, other], dim=1)
    valid = torch.cat([found, inside(one, other), inside(other, one)], dim=1)
    count = valid.sum(1, keepdim=True).clamp(min=1)
    centre = (points * valid[..., None]).sum(1, keepdim=True) / count[..., None]
    offset = (points - centre) * valid[..., None]
    angle = torch.atan2(offset[..., 1].detach(), offset[..., 0].detach()).masked_fill(~valid, 10.0)
    order = angle.argsort(1)
    sorted_offset = offset.gather(1, order[..., None].expand_as(offset))
    last = valid.gather(1, order)
    # What is no corner of the intersection stands where the first one does.
    polygon = torch.where(last[..., None], sorted_offset, sorted_offset[:, :1])
    after = polygon.roll(-1, 1)
    area = 0.5 * (polygon[..., 0] * after[..., 1] - polygon[..., 1] * after[..., 0]).sum(1)
    area = torch.where(valid.sum(1) > 2, area, 0.0 * area)
    return area / (pred[:, 2] * pred[:, 3] + target[:, 2] * target[:, 3] - area)
