"""Boxes as they lie in memory, one after the other, to vectors of each of their numbers, and back.

Left to itself LLVM shuffles whole vectors, with instructions that move numbers from one half of a vector to the other:
three times as many as are needed for boxes of four numbers, two clocks each on AMD's processors, and for those of five
it reads one number at a time. Here nothing is moved out of a group of 16 bytes: groups are read to where they belong.
With AVX-512 one instruction takes any numbers of two vectors, and a group is a whole vector.
"""

from math import gcd

from llvmlite import ir

from boxloss.engines.numba.vectors import shuffled, vector_at


class Columns:
    """Writes down how boxes are taken apart and put together.

    With four numbers a group, five groups hold four boxes of five numbers: one number of all four lies in four groups,
    each time at another place. Six groups hold four boxes of six, whose numbers lie two by two at one place, so pairs
    of numbers move first and are taken apart then; the same holds for boxes of four, which are a group each.

    Parameters
    ----------
    builder
        Where to.
    size
        How many numbers a box has.
    lanes
        How many boxes are taken apart at a time.
    bytes_of
        Those of a number.
    group
        How many numbers a group has.
    """

    def __init__(self, builder: ir.IRBuilder, size: int, lanes: int, bytes_of: int, group: int) -> None:
        self.builder, self.size, self.lanes, self.bytes_of, self.group = builder, size, lanes, bytes_of, group
        self.width = gcd(size, self.group)  # so many numbers move as one
        self.parts = size // self.width  # of a box

    def load(self, data: ir.Value, place: ir.Value) -> list[ir.Value]:
        """Take apart the boxes that begin at a place."""
        given = [self._load_groups(data, place, k) for k in range(self.size)]
        runs = [given[k : k + self.parts] for k in range(0, self.size, self.parts)]
        return [
            number for part in range(self.parts) for number in self._numbers_of([self._part(v, part) for v in runs])
        ]

    def store(self, numbers: list[ir.Value], data: ir.Value, place: ir.Value) -> None:
        """Put boxes together, to where they begin at a place."""
        parts = [self._parts_of(numbers[k : k + self.width]) for k in range(0, self.size, self.width)]
        runs = [self._run(list(of_run)) for of_run in zip(*parts, strict=True)]
        for k, vector in enumerate(group for run in runs for group in run):
            self._store_groups(vector, data, place, k)

    # --- Groups -------------------------------------------------------------------------------------------------------

    def _address(self, data: ir.Value, place: ir.Value, k: int, first: int) -> ir.Value:
        """Find the address of the k-th group of the boxes from a further one on."""
        more = place.type(first * self.size + k * self.group)
        return vector_at(self.builder, data, self.builder.add(place, more), self.group)

    def _load_groups(self, data: ir.Value, place: ir.Value, k: int) -> ir.Value:
        """Load the k-th groups of as many boxes each as a group has numbers, in one vector."""
        firsts = range(0, self.lanes, self.group)
        vectors = [self.builder.load(self._address(data, place, k, first), align=self.bytes_of) for first in firsts]
        while len(vectors) > 1:
            both = list(range(2 * vectors[0].type.count))
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [shuffled(self.builder, low, high, both) for low, high in pairs]
        return vectors[0]

    def _store_groups(self, vector: ir.Value, data: ir.Value, place: ir.Value, k: int) -> None:
        """Write them back, the k-th groups."""
        for first in range(0, self.lanes, self.group):
            own = shuffled(self.builder, vector, vector, list(range(first, first + self.group)))
            self.builder.store(own, self._address(data, place, k, first), align=self.bytes_of)

    def _shuffled(self, a: ir.Value, b: ir.Value, width: int, chosen: list[tuple[int, int]]) -> ir.Value:
        """Choose in each group those of a (0) or b (1) at these places, of so many numbers each."""
        firsts = range(0, self.lanes, self.group)
        places = [self.lanes * which + width * place + k for which, place in chosen for k in range(width)]
        return shuffled(self.builder, a, b, [first + place for first in firsts for place in places])

    # --- Parts of boxes, each at another place in its group -----------------------------------------------------------

    def _part(self, run: list[ir.Value], part: int) -> ir.Value:
        """Take one part of each box of a run of groups: chosen place by place, which costs least, and then moved."""
        per_group = self.group // self.width
        places = [divmod(self.parts * box + part, per_group) for box in range(per_group)]
        source_of = {place: source for source, place in places}
        found = self._chosen(run, [source_of[place] for place in range(per_group)])
        return self._shuffled(found, found, self.width, [(0, place) for _, place in places])

    def _run(self, parts: list[ir.Value]) -> list[ir.Value]:
        """Make a run of groups from the parts of its boxes."""
        per_group = self.group // self.width
        moved = []
        for k, vector in enumerate(parts):
            box_at = {(self.parts * box + k) % per_group: box for box in range(per_group)}
            moved.append(self._shuffled(vector, vector, self.width, [(0, box_at[place]) for place in range(per_group)]))
        firsts = range(0, self.parts * per_group, per_group)
        return [self._chosen(moved, [(first + k) % self.parts for k in range(per_group)]) for first in firsts]

    def _chosen(self, vectors: list[ir.Value], sources: list[int]) -> ir.Value:
        """Take for each place in a group what one of the vectors has there."""
        found = vectors[0]
        for k, vector in enumerate(vectors[1:], 1):
            chosen = [(int(source == k), place) for place, source in enumerate(sources)]
            found = self._shuffled(found, vector, self.width, chosen)
        return found

    # --- Numbers of parts ---------------------------------------------------------------------------------------------

    def _numbers_of(self, vectors: list[ir.Value]) -> list[ir.Value]:
        """Take apart the numbers of a part that has as many as there are vectors."""
        width = len(vectors)
        if width == 1:
            return vectors
        pairs, per_group = list(zip(vectors[::2], vectors[1::2], strict=True)), self.group // width
        found = []
        for half in range(2):
            chosen = [(which, 2 * place + half) for which in range(2) for place in range(per_group)]
            found += self._numbers_of([self._shuffled(a, b, width // 2, chosen) for a, b in pairs])
        return found

    def _parts_of(self, numbers: list[ir.Value]) -> list[ir.Value]:
        """Make parts from each of their numbers."""
        width = len(numbers)
        if width == 1:
            return numbers
        lower, upper = self._parts_of(numbers[: width // 2]), self._parts_of(numbers[width // 2 :])
        per_group = self.group // width
        found = []
        for low, high in zip(lower, upper, strict=True):
            for first in (0, per_group):
                chosen = [(which, first + place) for place in range(per_group) for which in range(2)]
                found.append(self._shuffled(low, high, width // 2, chosen))
        return found
