"""The registry: the names of losses, their order, and who may take a name; and the name that their methods have."""

import re

import pytest

import boxloss as bl
from boxloss.losses import registry
from errors import BOXES, check_error
from processes import run


def of_module(module, name="Mine"):
    """An instance of a class that a module defines, anew each time, as a cell of a notebook that runs again does."""
    space = {"__name__": module}
    source = f"""
from dataclasses import dataclass
from boxloss.losses.iou import IoU
@dataclass(frozen=True)
class {name}(IoU):
    pass
loss = {name}()
"""
    exec(source, space)
    return space["loss"]


def test_a_name_of_the_registry(monkeypatch):
    monkeypatch.setattr(registry, "BY_NAME", {name: bl.get(name) for name in bl.losses()})
    first, again, renamed = of_module("__main__"), of_module("__main__"), of_module("__main__", "Other")
    for loss in (first, again, renamed):
        assert registry.register("mine", loss) is loss
        assert bl.get("mine") is loss
    text = "name must not be that of another loss: {!r} is {}; got it for elsewhere.Mine"
    for name, whose in (("mine", "__main__.Other"), ("ciou", "boxloss.losses.ciou.CIoU")):
        check_error(
            lambda name=name: registry.register(name, of_module("elsewhere")), ValueError, text.format(name, whose)
        )
    assert (bl.get("mine"), bl.get("ciou")) == (renamed, bl.ciou)
    assert registry.register("ciou", bl.CIoU()) == bl.ciou  # as a module that is loaded again
    text = "name must not be that of another loss: 'ciou' is boxloss.losses.ciou.CIoU; got it for boxloss.losses.ciou."
    other = bl.CIoU(full_gradient=True)
    check_error(lambda: registry.register("ciou", other), ValueError, f"{text}{other}")
    text = "loss must be an instance of a loss; got the class CIoU, not an instance of it"
    check_error(lambda: registry.register("new", bl.CIoU), TypeError, text)
    for name in ("my iou", "def"):
        text = f"name must be an identifier, as 'my_iou'; got {name!r}"
        check_error(lambda name=name: registry.register(name, first), ValueError, text)


def test_losses_are_in_order_whatever_is_imported_first():
    code = "import {}\nimport boxloss as bl\nprint(*bl.losses())"
    assert run(code.format("boxloss.losses.eiou")) == run(code.format("boxloss"))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: bl.giou(BOXES, BOXES, "xywh"), "Loss.__call__() takes"),
        (lambda: bl.giou.value_and_grad(BOXES, BOXES, what=1), "Loss.value_and_grad() got"),
        (lambda: bl.giou.topk(BOXES, BOXES), "Loss.topk() missing"),
        (lambda: bl.giou.below(BOXES, BOXES), "Loss.below() missing"),
    ],
)
def test_errors_of_python_name_the_class_that_users_know(call, told):
    with pytest.raises(TypeError, match=re.escape(told)):
        call()
