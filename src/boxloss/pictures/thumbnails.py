"""What a notebook shows of a loss: its formula, and a thumbnail of its landscape."""

from html import escape
from typing import Any

import numpy as np

from boxloss.pictures.formulas import with_signs
from boxloss.pictures.rasters import raster

TARGET, PRED_SIZE, REACH = (0.0, 0.0, 2.0, 1.0), (1.0, 2.0), 3.0  # of unlike shapes: each term of a loss counts
CELLS, LEVELS = 120, 24
SIDE = 120  # pixels


def values(loss: Any) -> Any:
    """Compute the loss of a tall box that is moved over a plane, shape (`CELLS`, `CELLS`), without a compiler."""
    middles = ((np.arange(CELLS) + 0.5) / CELLS * 2.0 - 1.0) * REACH
    boxes = np.empty((CELLS, CELLS, 4))
    boxes[..., 0], boxes[..., 1], boxes[..., 2:] = middles, middles[:, None], PRED_SIZE
    image = (2.0 * REACH, 2.0 * REACH) if loss.program.structure.reads_image else None
    return loss(boxes, np.asarray(TARGET), format="cxcywh", image_size=image, engine="array")


def share_of_range(value: Any) -> Any:
    """Find where between the lowest and the highest each value lies, from 0 to 1; 0 if all are one."""
    low, high = np.min(value), np.max(value)
    return (value - low) / (high - low if high > low else 1.0)


def thumbnail(loss: Any, name: str, side: int = SIDE) -> str:
    """Draw the landscape of a loss as SVG: its lowest value dark, its highest bright, and the outline of the target."""
    x, y, w, h = TARGET
    alt = escape(f"{name} over places of a tall box around a wide target: dark is low, bright is high", quote=True)
    window = f"{-REACH} {-REACH} {2 * REACH} {2 * REACH}"
    plane = f'x="{-REACH}" y="{-REACH}" width="{2 * REACH}" height="{2 * REACH}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" style="flex:none" viewBox="{window}" width="{side}" '
        f'height="{side}" role="img" aria-label="{alt}"><title>{alt}</title>'
        f'<image {plane} href="{raster(share_of_range(values(loss)), levels=LEVELS)}"/>'
        f'<rect x="{x - w / 2}" y="{y - h / 2}" width="{w}" height="{h}" fill="none" stroke="white" '
        'stroke-width="0.16"/>'
        f'<rect x="{x - w / 2}" y="{y - h / 2}" width="{w}" height="{h}" fill="none" stroke="#D55E00" '
        'stroke-width="0.08"/></svg>'
    )


def card(loss: Any) -> str:
    """Write name, formula and range of a loss beside the thumbnail, in HTML that reads on light and dark."""
    name, formula = type(loss).__name__, loss.expression
    known = [
        f"<div><b>{escape(repr(loss))}</b></div>",
        f"<div>{escape(with_signs(formula))}</div>" if formula else "",
        f"<div>range {escape(with_signs(loss.value_range))}</div>" if loss.value_range else "",
    ]
    text = f'<div style="line-height:1.6;min-width:0;overflow-wrap:anywhere">{"".join(known)}</div>'
    frame = "display:flex;gap:1em;align-items:center"
    return f'<div style="{frame}">{thumbnail(loss, f"{name} loss")}{text}</div>'
