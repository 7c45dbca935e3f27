"""Memory that notices a wrong access, as compute-sanitizer does: memcheck, initcheck and racecheck.

Variables lie far apart, so that an address beside one is in none. Each word of four bytes remembers which threads have
read or written it since the last barrier.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

WORD = 4
NOBODY = -1
ALL_THREADS = 2**62


class KernelError(Exception):
    """The kernel does what a GPU need not do as it is meant."""


class Memory:
    """Variables of given sizes in bytes, `2 ** apart` bytes from one to the next, plus a remainder.

    Of shared memory each block of threads has a copy: so many threads as `threads_a_copy` see the same.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        remainders: Sequence[int],
        apart: int,
        threads: int = 1,
        threads_a_copy: int = ALL_THREADS,
    ) -> None:
        self.apart, self.threads_a_copy = apart, threads_a_copy
        self.sizes = np.array(sizes, np.int64)
        self.addresses = (np.arange(1, len(sizes) + 1) << apart) + np.array(remainders, np.int64)
        self.starts = np.concatenate([[0], np.cumsum(-(-self.sizes // WORD))])
        self.words_a_copy = int(self.starts[-1])
        count = -(-threads // threads_a_copy) * self.words_a_copy
        self.data = np.zeros(count, np.uint32)
        self.writes = np.zeros(count, np.int64)  # how many there were of each word
        self.is_set = np.zeros(count, np.bool_)
        self.writer = np.full(count, NOBODY)
        self.reader = np.full(count, NOBODY)  # the last of them
        self.has_readers = np.zeros(count, np.bool_)  # more than one

    def words_of(self, variable: int) -> slice:
        """Where the words of a variable are, in the first copy."""
        return slice(self.starts[variable], self.starts[variable + 1])

    def load(self, addresses: Any, size: int, threads: Any) -> Any:
        """What some threads find at their addresses: for each, `size` bytes as words."""
        words, owners = self._find(addresses, size, threads), threads[:, None]
        refuse(~self.is_set[words], "reads what nothing has written", threads)
        refuse(_is_another(self.writer[words], owners), "reads what another thread writes", threads)
        self.has_readers[words[_is_another(self.reader[words], owners)]] = True
        self.reader[words] = owners
        self.has_readers[words[_is_another(self.reader[words], owners)]] = True  # threads that read it just now
        return self.data[words]

    def store(self, addresses: Any, values: Any, threads: Any) -> None:
        """Words from some threads to their addresses, a row for each."""
        words, owners = self._find(addresses, WORD * values.shape[1], threads), threads[:, None]
        read = self.has_readers[words] | _is_another(self.reader[words], owners)
        refuse(read, "writes what another thread reads", threads)
        written = _is_another(self.writer[words], owners)
        self.writer[words] = owners
        written |= _is_another(self.writer[words], owners)  # threads that write it just now
        refuse(written, "writes what another thread writes", threads)
        self.data[words] = values
        self.writes[words] += 1
        self.is_set[words] = True

    def forget(self, copies: Any) -> None:
        """Put what was in some of the copies before what comes, as a barrier does."""
        for marks, none in ((self.writer, NOBODY), (self.reader, NOBODY), (self.has_readers, False)):
            marks.reshape(len(copies), -1)[copies] = none

    def _find(self, addresses: Any, size: int, threads: Any) -> Any:
        """The places of the words at the addresses."""
        refuse(addresses % size != 0, f"accesses {size} bytes at an address that is no multiple of that", threads)
        variable = (addresses >> self.apart) - 1
        exists = (variable >= 0) & (variable < len(self.sizes))
        variable = np.where(exists, variable, 0)
        offset = addresses - self.addresses[variable]
        inside = exists & (offset >= 0) & (offset + size <= self.sizes[variable])
        refuse(~inside, "accesses memory outside of every variable", threads)
        first = threads // self.threads_a_copy * self.words_a_copy + self.starts[variable] + offset // WORD
        return first[:, None] + np.arange(size // WORD)


def _is_another(who: Any, owners: Any) -> Any:
    return (who != NOBODY) & (who != owners)


def refuse(wrong: Any, what: str, threads: Any) -> None:
    if wrong.any():
        rows = wrong.reshape(len(threads), -1).any(axis=1)
        raise KernelError(f"thread {threads[rows][0]} {what}, as do {rows.sum() - 1} others")
