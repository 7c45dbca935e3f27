"""Sorting numbers of int64 by a digit at a time, the lowest first: a pass over all is a count and a move."""

from boxloss.engines.numba.compile import called_by_kernels

MANY = 4000
DIGITS = 1 << 11  # as many as there can be of a digit


@called_by_kernels
def bits_for(count):  # type: ignore[no-untyped-def]
    """Find how many bits a digit has with which so many numbers are sorted soonest."""
    return 11 if count > MANY else 8


@called_by_kernels
def by_digit(numbers, places, shift, bits, sorted_numbers, sorted_places, counts):  # type: ignore[no-untyped-def]
    """Sort numbers, and places with them, by one digit, equal ones in the order that they come in.

    It returns whether it did: where all have the same digit nothing is moved.
    """
    counts[: 1 << bits] = 0
    for number in numbers:
        counts[(number >> shift) & ((1 << bits) - 1)] += 1
    if numbers.size == 0 or counts[(numbers[0] >> shift) & ((1 << bits) - 1)] == numbers.size:
        return False
    total = 0
    for digit in range(1 << bits):
        total, counts[digit] = total + counts[digit], total
    for i in range(numbers.size):
        digit = (numbers[i] >> shift) & ((1 << bits) - 1)
        to = counts[digit]
        counts[digit] = to + 1
        sorted_numbers[to], sorted_places[to] = numbers[i], places[i]
    return True
