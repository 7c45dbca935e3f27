"""Memory that notices a wrong access, as compute-sanitizer does: memcheck, initcheck and racecheck.

Variables lie far apart, so that an address outside of one is in none. Each word of four bytes knows which threads have
read or written it; a barrier makes it forget.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

WORD = 4
NOBODY = -1


class Fault(Exception):
    """What a GPU may do with the kernel is not known."""


class Memory:
    """Variables of given sizes in bytes, each with a first address of a given remainder.

    `copies` is how many there are of each, as many as blocks of threads for shared memory.
    """

    def __init__(self, sizes: Sequence[int], remainders: Sequence[int], shift: int, copies: int = 1) -> None:
        self.shift, self.copies = shift, copies
        self.sizes = np.array(sizes, np.int64)
        self.addresses = (np.arange(1, len(sizes) + 1) << shift) + np.array(remainders, np.int64)
        self.starts = np.concatenate([[0], np.cumsum(-(-self.sizes // WORD))])
        self.words_a_copy = int(self.starts[-1])
        count = copies * self.words_a_copy
        self.data = np.zeros(count, np.uint32)
        self.writes = np.zeros(count, np.int64)  # how many there were of each word
        self.is_set = np.zeros(count, np.bool_)
        self.writer = np.full(count, NOBODY)  # since the last barrier
        self.reader = np.full(count, NOBODY)  # the last one since then
        self.has_readers = np.zeros(count, np.bool_)  # several

    def words(self, variable: int) -> slice:
        """Where the words of a variable are."""
        return slice(self.starts[variable], self.starts[variable + 1])

    def load(self, addresses: Any, width: int, threads: Any, copies: Any) -> Any:
        """What is at the addresses: for each thread, `width` bytes as words."""
        words = self._find(addresses, width, threads, copies)
        owner = threads[:, None]
        _refuse(~self.is_set[words], "reads what nothing has written", threads)
        _refuse(self._is_others(self.writer, words, owner), "reads what another thread writes", threads)
        self.has_readers[words] |= self._is_others(self.reader, words, owner)
        self.reader[words] = owner
        self.has_readers[words] |= self.reader[words] != owner  # several in this very instruction
        return self.data[words]

    def store(self, addresses: Any, values: Any, threads: Any, copies: Any) -> None:
        """Words to the addresses, a row for each thread."""
        words = self._find(addresses, WORD * values.shape[1], threads, copies)
        owner = threads[:, None]
        _refuse(self._is_others(self.writer, words, owner), "writes what another thread writes", threads)
        read = self.has_readers[words] | self._is_others(self.reader, words, owner)
        _refuse(read, "writes what another thread reads", threads)
        self.writer[words] = owner
        _refuse(self.writer[words] != owner, "writes what another thread writes", threads)
        self.data[words] = values
        self.writes[words] += 1
        self.is_set[words] = True

    def forget(self, copies: Any) -> None:
        """Order what was with what comes, in some of the copies."""
        for marks, none in ((self.writer, NOBODY), (self.reader, NOBODY), (self.has_readers, False)):
            marks.reshape(self.copies, -1)[copies] = none

    def _is_others(self, who: Any, words: Any, owner: Any) -> Any:
        found = who[words]
        return (found != NOBODY) & (found != owner)

    def _find(self, addresses: Any, width: int, threads: Any, copies: Any) -> Any:
        """The places of the words at the addresses."""
        addresses = addresses.astype(np.int64)
        variable = (addresses >> self.shift) - 1
        exists = (variable >= 0) & (variable < len(self.sizes))
        variable = np.where(exists, variable, 0)
        offset = addresses - self.addresses[variable]
        inside = exists & (offset >= 0) & (offset + width <= self.sizes[variable])
        _refuse(~inside, "accesses memory outside of every variable", threads)
        _refuse(addresses % width != 0, f"accesses {width} bytes at an address that is no multiple of it", threads)
        first = copies * self.words_a_copy + self.starts[variable] + offset // WORD
        return first[:, None] + np.arange(width // WORD)


def _refuse(wrong: Any, what: str, threads: Any) -> None:
    if wrong.any():
        rows = wrong.reshape(len(threads), -1).any(axis=1)
        raise Fault(f"thread {threads[rows][0]} {what} ({rows.sum()} threads do)")
