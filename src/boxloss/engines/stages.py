"""Straight-line code cut into stages, for loops of which a processor has several turns under way.

It looks some 250 instructions ahead. Where each operation waits for the one before, as in the reduction of an angle and
the polynomials behind it, a turn of many instructions leaves it waiting; turns of few overlap.
"""

from boxloss.engines.symbols import NUMBER, Node
from boxloss.engines.trace import Trace, flat, reduced, renamed


def stages(trace: Trace, arguments: int, count: int) -> list[Trace]:
    """Divide the code into so many traces, cut where few numbers cross.

    Parameters
    ----------
    trace
        The code, whose results are one tuple.
    arguments
        How many arguments it is given.
    count
        How many stages.

    Returns
    -------
    list of Trace
        Each takes the arguments, and then what the one before it gives, numbers; the last gives the results.
    """
    size, reach = len(trace.nodes), len(trace.nodes) // 8
    found, held, begin = [], list[int](), 0
    for number in range(1, count):
        near = number * size // count
        places = range(max(begin + 1, near - reach), near + reach + 1)
        crossing = {place: _crossing(trace, place) for place in places}
        numbers = [k for k in places if all(trace.nodes[p].kind == NUMBER for p in crossing[k])]
        if not numbers:
            continue
        end = min(numbers, key=lambda k: (len(crossing[k]), abs(k - near)))
        found.append(_stage(trace, begin, end, held, arguments, tuple(crossing[end])))
        held, begin = crossing[end], end
    return [*found, _stage(trace, begin, size, held, arguments, trace.results)]


def _crossing(trace: Trace, end: int) -> list[int]:
    """List the operations before a place that something behind it needs."""
    later = {operand for node in trace.nodes[end:] for operand in node.operands} | set(flat(trace.results))
    return [place for place in range(end) if place in later and not _is_given(trace.nodes[place])]


def _is_given(node: Node) -> bool:
    return node.operation in ("argument", "constant")


def _stage(trace: Trace, begin: int, end: int, held: list[int], arguments: int, results: tuple[int, ...]) -> Trace:
    """Take the operations from one place to another, with what is `held` of those before as further arguments."""
    nodes, new = list[Node](), dict[int, int]()
    for place in range(end):
        node = trace.nodes[place]
        if place in held:
            node = Node("argument", NUMBER, value=str(arguments + held.index(place)))
        elif place < begin and not _is_given(node):
            continue
        new[place] = len(nodes)
        nodes.append(node._replace(operands=tuple(new[operand] for operand in node.operands)))
    return reduced(nodes, renamed(results, new))
