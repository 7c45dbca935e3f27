"""Every loss and its instance, in the order of `boxloss.losses`; made by docs/make_tables.py."""

from boxloss.losses.l1 import L1 as L1
from boxloss.losses.l1 import l1 as l1
from boxloss.losses.smooth_l1 import SmoothL1 as SmoothL1
from boxloss.losses.smooth_l1 import smooth_l1 as smooth_l1
from boxloss.losses.huber import Huber as Huber
from boxloss.losses.huber import huber as huber
from boxloss.losses.l2 import L2 as L2
from boxloss.losses.l2 import l2 as l2
from boxloss.losses.iou import IoU as IoU
from boxloss.losses.iou import iou as iou
from boxloss.losses.log_iou import LogIoU as LogIoU
from boxloss.losses.log_iou import log_iou as log_iou
from boxloss.losses.squared_iou import SquaredIoU as SquaredIoU
from boxloss.losses.squared_iou import squared_iou as squared_iou
from boxloss.losses.giou import GIoU as GIoU
from boxloss.losses.giou import giou as giou
from boxloss.losses.diou import DIoU as DIoU
from boxloss.losses.diou import diou as diou
from boxloss.losses.ciou import CIoU as CIoU
from boxloss.losses.ciou import ciou as ciou
from boxloss.losses.eiou import EIoU as EIoU
from boxloss.losses.eiou import eiou as eiou
from boxloss.losses.siou import SIoU as SIoU
from boxloss.losses.siou import siou as siou
from boxloss.losses.wiou import WIoU as WIoU
from boxloss.losses.wiou import wiou as wiou
from boxloss.losses.shape_iou import ShapeIoU as ShapeIoU
from boxloss.losses.shape_iou import shape_iou as shape_iou
from boxloss.losses.piou import PIoU as PIoU
from boxloss.losses.piou import piou as piou
from boxloss.losses.piou2 import PIoU2 as PIoU2
from boxloss.losses.piou2 import piou2 as piou2
from boxloss.losses.nwd import NWD as NWD
from boxloss.losses.nwd import nwd as nwd
from boxloss.losses.gcd import GCD as GCD
from boxloss.losses.gcd import gcd as gcd
from boxloss.losses.gwd import GWD as GWD
from boxloss.losses.gwd import gwd as gwd
from boxloss.losses.kld import KLD as KLD
from boxloss.losses.kld import kld as kld
from boxloss.losses.bcd import BCD as BCD
from boxloss.losses.bcd import bcd as bcd
from boxloss.losses.probiou import ProbIoU as ProbIoU
from boxloss.losses.probiou import probiou as probiou
from boxloss.losses.kfiou import KFIoU as KFIoU
from boxloss.losses.kfiou import kfiou as kfiou
from boxloss.losses.mgiou import MGIoU as MGIoU
from boxloss.losses.mgiou import mgiou as mgiou
from boxloss.losses.iou_score import IoUScore as IoUScore
from boxloss.losses.iou_score import iou_score as iou_score

__all__: list[str] = [
    "L1",
    "l1",
    "SmoothL1",
    "smooth_l1",
    "Huber",
    "huber",
    "L2",
    "l2",
    "IoU",
    "iou",
    "LogIoU",
    "log_iou",
    "SquaredIoU",
    "squared_iou",
    "GIoU",
    "giou",
    "DIoU",
    "diou",
    "CIoU",
    "ciou",
    "EIoU",
    "eiou",
    "SIoU",
    "siou",
    "WIoU",
    "wiou",
    "ShapeIoU",
    "shape_iou",
    "PIoU",
    "piou",
    "PIoU2",
    "piou2",
    "NWD",
    "nwd",
    "GCD",
    "gcd",
    "GWD",
    "gwd",
    "KLD",
    "kld",
    "BCD",
    "bcd",
    "ProbIoU",
    "probiou",
    "KFIoU",
    "kfiou",
    "MGIoU",
    "mgiou",
    "IoUScore",
    "iou_score",
]
