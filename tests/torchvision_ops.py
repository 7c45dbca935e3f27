"""torchvision's box operators, beside a build of torch that torchvision's compiled extension does not load with too.

There `import torchvision` stops at the two operators that it describes without asking whether the extension is loaded.
The box losses and the pairwise IoU family are Python over torch and need nothing compiled, so it is enough to declare
those two. Use it as ``from torchvision_ops import ops``; torchvision installed without its dependencies needs Pillow.
"""

import torch

try:
    from torchvision import ops
except RuntimeError:  # operator torchvision::nms does not exist
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision import ops

__all__ = ["ops"]
