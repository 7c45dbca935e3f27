"""Results of the lab for pictures of them, made by hand: no kernel is compiled."""

import numpy as np

import boxloss as bl
from boxloss import plot
from boxloss.lab import Agreement, Correlation, Descent, Landscape, Pairs, Simulation

TARGET = np.asarray([1.0, 2.0, 4.0, 2.0])


def plane(loss=bl.iou, vary=("x", "y"), reach=8.0, count=40):
    """A landscape without the compiled engine."""
    first, second = ("xywh".index(name) for name in vary)
    edges = [(TARGET[i] - reach, TARGET[i] + reach) if i < 2 else (0.1, reach) for i in (first, second)]
    x, y = (low + (np.arange(count) + 0.5) * (high - low) / count for low, high in edges)
    boxes = np.tile(np.asarray([1.0, 2.0, 2.0, 2.0]), (count, count, 1))
    boxes[..., first], boxes[..., second] = x, y[:, None]
    value, grad = loss.value_and_grad(boxes, TARGET, format="cxcywh", engine="array")
    pred = np.asarray([1.0, 2.0, 2.0, 2.0])
    pred[[first, second]] = np.nan
    iou = bl.iou_score(boxes, TARGET, format="cxcywh", engine="array")
    return Landscape(loss, TARGET, pred, vary, tuple(edges), x, y, value, iou, grad[..., [first, second]])


def ball(loss=bl.diou, boxes=3, steps=8, **changes):
    """A descent that goes straight to the target."""
    start = TARGET + np.asarray([6.0, 0.0, 0.0, 0.0]) + np.arange(boxes)[:, None] * [0.0, 1.0, 0.0, 0.0]
    way = np.linspace(0.0, 1.0, steps + 1)[:, None, None]
    path = (1.0 - way) * start + way * TARGET
    error, recorded = np.abs(path - TARGET).sum(axis=-1).mean(axis=-1), np.arange(steps + 1)
    curve = np.linspace(0.0, 1.0, steps + 1)
    fields = {"error": error, "iou": curve, "value": 1.0 - curve, "recorded": recorded, "path": path} | changes
    return Descent(loss, "sgd", "xy", np.full(steps, 0.1), start, TARGET, path[-1], **fields)


def pairs(loss=bl.l1, count=100):
    """A loss that falls with the IoU."""
    iou = np.linspace(0.0, 1.0, count)
    agreement = Agreement(count, -0.75, -0.5, 0.1, 0.2, 0.3, 0.4)
    boxes = Pairs(f"{count} pairs of a test", np.zeros((count, 4)), np.zeros((count, 4)))
    return Correlation(loss, boxes, 10.0 * (1.0 - iou), iou, agreement, agreement)


def race(loss=bl.giou, gradient="true"):
    """A simulation of four anchor centres at the corners of a square about the target."""
    return Simulation(
        loss=loss,
        protocol="diou2020",
        gradient=gradient,
        sizes="unit",
        coordinates="absolute",
        cases=4 * 343,
        points=10.0 + np.asarray([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [2.0, 2.0]]),
        center=(10.0, 10.0),
        scale=np.asarray([1.0, 1.0, 1.0, 2.0]),
        error=np.linspace(4.0, 1.0, 11),
        iou=np.linspace(0.0, 0.5, 11),
        final_error=np.asarray([343.0, 34.3, 3.43, 3430.0]),
        final_iou=np.asarray([0.1, 0.2, 0.3, 0.4]),
    )


def animation(results, **options):
    """An animation that counts as begun, so that it may be dropped without a warning."""
    made = plot.animate(results, **options)
    made._draw_was_started = True
    return made


def legend(figure):
    """The texts of the legend of a figure, or of its first panel."""
    box = figure.legends[0] if figure.legends else figure.axes[0].get_legend()
    return [text.get_text() for text in box.get_texts()]
