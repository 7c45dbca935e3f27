"""One kernel for many losses: each as a sum of all of them in which it alone counts."""

import boxloss as bl


def alone(loss, losses):
    """The loss plus 0 times each of the others that are computed as it is: weights are no part of a kernel.

    Its numbers are exactly those that are added to zeros; and where another one is not finite, the sum is NaN. Losses
    with exponents of another kind have other powers, and with an eps they have their guards in every matrix.
    """
    return bl.WeightedSum(tuple((float(own is loss), own) for own in losses if _kind(own) == _kind(loss)))


def _kind(loss):
    program = loss.program
    return program.structure.powers, any(program.numbers[place] for place in program.structure.eps_places)
