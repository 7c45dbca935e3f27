"""Losses as the command line writes them: ``giou``, ``smooth_l1(beta=0.1)``, ``5*l1+2*giou``."""

import ast
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import boxloss as bl
from boxloss.check import did_you_mean
from boxloss.shapes.formats import FORMATS

if TYPE_CHECKING:
    from boxloss.losses.modifiers.modifier import Modifier

MPDIOU = "mpdiou(image_size=(480, 640))"  # of any size: the loss has no default
WANTED = (
    "write a name, as giou, with parameters, as smooth_l1(beta=0.1), a loss of a loss, as inner(ciou, ratio=0.7), "
    "or a sum, as 5*l1+2*giou"
)


@cache
def modifiers() -> dict[str, type["Modifier"]]:
    """Return the class of each modifier by the name that it has here."""
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in bl.MODIFIERS}


@cache
def kinds() -> dict[str, type[bl.Loss]]:
    """Return the class of everything that has a name here."""
    return {name: type(bl.get(name)) for name in bl.losses()} | {"mpdiou": bl.MPDIoU} | modifiers()


def words_after(begun: str) -> list[str]:
    """Return what may come next: names, and parameters of the loss whose parentheses are open, but those it has."""
    names, opened = list(kinds()), ""
    if begun.rstrip().endswith("="):
        return []
    while opened != begun:
        opened, begun = begun, re.sub(r"\([^()]*\)", "", begun)
    around = re.search(r"(\w+)\s*\(([^(]*)$", opened)
    if around is None or around[1] not in kinds() or not opened.rstrip().endswith(("(", ",")):
        return names
    kind, given = kinds()[around[1]], set(re.findall(r"(\w+)\s*=", around[2]))
    parameters = [f"{field.name}=" for field in fields(kind) if field.name != "loss" and field.name not in given]
    takes_loss = issubclass(kind, tuple(bl.MODIFIERS)) and "," not in around[2]
    return names if takes_loss else parameters


def split(text: str) -> list[str]:
    """Split losses at their commas; each is checked, and a loss is always written in the same way.

    Raises
    ------
    ValueError
        If one of them is no loss.
    """
    tree = _parse(text)
    with _not_too_long(text):
        written = [ast.unparse(part) for part in (tree.elts if isinstance(tree, ast.Tuple) else [tree])]
    for one in written:
        loss_of(one)
    return written


@lru_cache(maxsize=1024)
def loss_of(text: str) -> bl.Loss:
    """Make the loss of an expression: names, parameters given by name, ``+``, ``-`` and ``*``; nothing else runs.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        with _not_too_long(text):
            loss = _value(_parse(text))
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{_short(text)}: {error}") from error
    if not isinstance(loss, bl.Loss):
        raise ValueError(f"{_short(text)} is a number, not a loss: {WANTED}")
    if loss.program.structure.reads_image:
        raise ValueError(f"{_short(text)} needs the size of the image, as {MPDIOU}")
    return loss


def refusals(names: Sequence[str], format: str) -> dict[str, str]:
    """Say of each loss that is not defined for boxes of a format why."""
    found = {}
    for name in names:
        if why := loss_of(name).program.structure.refusal(FORMATS[format].shape):
            found[name] = why
    return found


def _parse(text: str) -> ast.expr:
    words = text.split()
    if not words:
        raise ValueError(_unknown(""))
    try:
        return ast.parse(" ".join(words), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        if all(word in bl.losses() for word in words):
            raise ValueError(f"losses are separated by commas: {','.join(words)}") from None
        raise ValueError(f"{_short(text)} is no loss: {WANTED}") from None


def _value(node: ast.expr) -> bl.Loss | float:
    """Evaluate a part of an expression."""
    match node:
        case ast.Name(name):
            return _named(name)
        case ast.Call(ast.Name(name), [], keywords):
            return _with_parameters(name, {}, keywords)
        case ast.Call(ast.Name(name), [loss], keywords) if name in modifiers():
            return _with_parameters(name, {"loss": _value(loss)}, keywords)
        case ast.Call(ast.Name(name), [_, *rest], _) if name in kinds():
            raise ValueError(_without_names(name, ast.unparse(node), ast.unparse(rest[0]) if rest else ""))
        case ast.Call(ast.Name(name)) if near := did_you_mean(name, kinds()):
            raise ValueError(f"{_short(ast.unparse(node))} is no loss.{near}")
        case ast.Constant(int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(ast.USub(), part):
            return _product(-1.0, _value(part))
        case ast.BinOp(left, ast.Mult(), right):
            return _product(_value(left), _value(right))
        case ast.BinOp(left, ast.Add(), right):
            return _sum(_value(left), _value(right))
        case ast.BinOp(left, ast.Sub(), right):
            return _sum(_value(left), _product(-1.0, _value(right)))
    raise ValueError(f"{_short(ast.unparse(node))} is no loss: {WANTED}")


def _named(name: str) -> bl.Loss:
    if name not in kinds():
        raise ValueError(_unknown(name))
    return bl.get(name) if name in bl.losses() else _with_parameters(name, {}, [])


def _unknown(name: str) -> str:
    return f"{name!r} is not one of {', '.join(kinds())}.{did_you_mean(name, kinds())}"


def _without_names(name: str, text: str, value: str) -> str:
    """Say that parameters have names, with those of a loss or a modifier."""
    known = [field.name for field in fields(kinds()[name]) if field.name != "loss"]
    loss = "ciou, " * (name in modifiers())
    if not known:
        return f"{_short(text)} is no loss: {name} has no parameters"
    value = value if loss and re.fullmatch(r"[-+.\de]+", value) else "..."
    rest = f" (of {', '.join(known)})" * (len(known) > 1)
    return f"{_short(text)} is no loss: parameters are given by name, as {name}({loss}{known[0]}={value}){rest}"


def _with_parameters(name: str, given: dict[str, Any], keywords: list[ast.keyword]) -> bl.Loss:
    if name not in kinds():
        raise ValueError(_unknown(name))
    kind = kinds()[name]
    if name in modifiers() and not given:
        raise ValueError(f"{name} is made of a loss: write {name}(ciou), and its parameters after it")
    known = [field.name for field in fields(kind) if field.name != "loss"]
    for keyword in keywords:
        if keyword.arg not in known:
            word = keyword.arg or "**"
            others = ", ".join(known) or "none"
            raise ValueError(f"{name} has no parameter {word!r}; it has {others}.{did_you_mean(word, known)}")
        try:
            given[keyword.arg] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError):
            text = _short(ast.unparse(keyword.value))
            raise ValueError(f"{keyword.arg} of {name} must be a number, a string, True or False; got {text}") from None
    if missing := [f.name for f in fields(kind) if f.default is MISSING and f.name not in given]:
        raise ValueError(f"{name} needs its parameter {missing[0]}, as {name}(ciou, {missing[0]}=0.9)")
    made: bl.Loss = kind(**given)
    return made


def _product(left: bl.Loss | float, right: bl.Loss | float) -> bl.Loss | float:
    if not isinstance(left, bl.Loss):
        return left * right
    if not isinstance(right, bl.Loss):
        return left * right
    raise ValueError(f"a loss can be multiplied by a number, not by a loss: {WANTED}")


def _sum(left: bl.Loss | float, right: bl.Loss | float) -> bl.Loss | float:
    if isinstance(left, bl.Loss) and isinstance(right, bl.Loss):
        return left + right
    if isinstance(left, float) and isinstance(right, float):
        return left + right
    raise ValueError(f"a loss can be added to a loss, not to a number: {WANTED}")


@contextmanager
def _not_too_long(text: str) -> Iterator[None]:
    """Say of an expression with too many parts that it is too long."""
    try:
        yield
    except RecursionError:
        raise ValueError(f"{_short(text)} is too long") from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
