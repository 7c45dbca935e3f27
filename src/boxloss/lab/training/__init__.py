"""Does the loss matter for mean average precision? The smallest experiment that says."""

from boxloss.lab.training.contenders import Contender
from boxloss.lab.training.experiment import train
from boxloss.lab.training.result import Training
from boxloss.lab.training.statistics import Difference, differences

__all__ = ["Contender", "Difference", "Training", "differences", "train"]
