"""Boxes with an angle on the page of `boxloss explore`: are they turned, and does everything follow?"""

import numpy as np
import pytest
from explorer_cases import SIZE
from test_explorer_use import boxes_of, drag, point, shown, touch

import boxloss as bl
from boxloss import lab
from boxloss.lab.explorer.catalogue import REGISTERED

HEIGHT, WIDTH = SIZE
PAIR = "[...boxloss.decoded(boxloss.state.pred), ...boxloss.decoded(boxloss.state.target), 6, 4.5]"
VALUE_AND_GRAD = f"boxloss.valueAndGrad(boxloss.wholeLoss(boxloss.state.parts, boxloss.state.shape), {PAIR})"


def handle_of(page, which):
    """Where the handle is that turns a box, in the scene."""
    box = shown(page, f"[data-box={which}] .turn-dot").bounding_box()
    scene = page.locator("#boxes").bounding_box()
    x, y = box["x"] + box["width"] / 2 - scene["x"], box["y"] + box["height"] / 2 - scene["y"]
    return x / scene["width"] * WIDTH, y / scene["height"] * HEIGHT


def with_angles(page):
    page.get_by_label("Boxes with an angle").check()
    return page


def degrees_of(page):
    return [np.degrees(box[4]) for box in boxes_of(page)]


@pytest.mark.parametrize("which", ["pred", "target"])
def test_the_handle_turns_a_box_about_its_centre(opened, which):
    page, k = opened(), ("pred", "target").index(which)
    x, y, w, h = before = boxes_of(page)[k]
    drag(page, handle_of(page, which), (x, y + 1.0))
    boxes = boxes_of(page)
    assert boxes[k] == pytest.approx([x, y, w, h, np.pi / 2])
    assert boxes[1 - k][4] == 0.0
    assert shown(page, "#rotated").is_checked()
    drag(page, handle_of(page, which), (x + 1.0, y + 1.0))
    assert degrees_of(page)[k] == pytest.approx(45.0, abs=1.0)
    page.get_by_label("Boxes with an angle").uncheck()
    assert boxes_of(page)[k] == pytest.approx(before)


def test_shift_turns_by_steps(opened):
    page = opened()
    x, y, *_ = boxes_of(page)[0]
    page.keyboard.down("Shift")
    drag(page, handle_of(page, "pred"), (x + 1.0, y + 0.7))  # 35 degrees
    assert degrees_of(page)[0] == pytest.approx(30.0)


def test_a_finger_turns(opened):
    page = opened("phone", has_touch=True)
    x, y, *_ = boxes_of(page)[0]
    page.locator("#scene").scroll_into_view_if_needed()
    touch(page, handle_of(page, "pred"), (x + 1.0, y + 1.0), (x, y + 1.2))
    page.wait_for_function("boxloss.state.pred.length === 5")
    assert degrees_of(page)[0] == pytest.approx(90.0, abs=2.0)


def test_keys_turn(opened):
    page = opened()
    page.locator("[data-box=target]").focus()
    for key in ("]", "]", "[", "]"):
        page.keyboard.press(key)
    assert degrees_of(page) == pytest.approx([0.0, 10.0])
    assert shown(page, "#spoken").inner_text().startswith("Angle 10 degrees. Loss ")
    page.wait_for_function("document.querySelector('[data-box=target]').ariaLabel.endsWith('turned by 10 degrees')")
    for _ in range(36):
        page.keyboard.press("[")
    assert degrees_of(page)[1] == pytest.approx(-170.0)


def test_a_field_takes_degrees_and_follows_the_box(opened):
    page = with_angles(opened())
    page.get_by_label("Prediction, degrees, as a number").fill("33.5")
    assert degrees_of(page)[0] == pytest.approx(33.5)
    page.locator("[data-box=pred]").focus()
    page.keyboard.press("]")
    assert shown(page, "#angles input[type=number]").first.input_value() == "38.5"
    assert "prediction 38.5\u00b0" in page.locator("#boxes").text_content()


def test_a_corner_of_a_turned_box_resizes_it_along_its_sides(opened):
    page = with_angles(opened())
    page.get_by_label("Target, degrees, as a number").fill("90")
    x, y, w, h, _ = boxes_of(page)[1]
    drag(page, (x - h / 2, y + w / 2), (x - h / 2 - 0.2, y + w / 2 + 0.1))  # that of the width and the height
    assert boxes_of(page)[1][:4] == pytest.approx([x - 0.1, y + 0.05, w + 0.1, h + 0.2], abs=0.02)


def test_the_handle_stays_in_sight(opened):
    page = opened()
    for at in ((5.9, 2.0), (0.1, 0.1), (3.0, 4.4)):
        page.mouse.click(*point(page, *at))
        page.wait_for_function(f"Math.abs(boxloss.state.pred[0] - {at[0]}) < 0.05")
        x, y = handle_of(page, "pred")
        assert 0.0 < x < WIDTH
        assert 0.0 < y < HEIGHT
    page.mouse.click(*point(page, 5.9, 2.0))
    drag(page, handle_of(page, "pred"), (4.9, 2.0))  # from below the box: a quarter turn
    assert degrees_of(page)[0] == pytest.approx(90.0, abs=2.0)


def test_value_gradient_and_python_are_of_the_turned_boxes(opened):
    page = opened()
    page.get_by_role("button", name="Turned the wrong way").click()
    page.get_by_text("The same in Python").click()
    names = {}
    exec(shown(page, "#code").inner_text(), names)
    assert "cxcywha" in page.locator("#code").inner_text()
    found = page.evaluate(VALUE_AND_GRAD)
    assert found == pytest.approx([names["value"][0], *names["grad"][0]], rel=1e-9)
    assert found[5] < 0.0  # away from the target, as the example says
    assert float(page.locator("#value").inner_text()) == pytest.approx(found[0], rel=1e-3)
    cells = page.locator("#gradient .number").all_inner_texts()
    assert [float(cell.replace("\u2212", "-")) for cell in cells] == pytest.approx(found[1:], rel=1e-2)


def test_cosine_and_sine_are_right_to_the_last_bits(opened):
    angles = np.concatenate([np.linspace(-7.0, 7.0, 500), np.arange(-8, 9) * (np.pi / 4)])
    page = with_angles(opened())
    found = page.evaluate("angles => angles.map(a => boxloss.decoded([1, 2, 3, 4, a]))", angles.tolist())
    numbers = np.broadcast_to([1.0, 2.0, 3.0, 4.0], (len(angles), 4))
    np.testing.assert_array_equal(np.asarray(found)[:, :4], numbers)
    exact = np.stack([np.cos(angles), np.sin(angles)], 1)
    np.testing.assert_allclose(np.asarray(found)[:, 4:], exact, rtol=4.5e-16, atol=0.0)


def test_arrows_follow_the_gradient_with_an_arc_for_the_turn(opened):
    page = opened()
    page.get_by_role("button", name="Turned the wrong way").click()
    assert "rotate(60" in shown(page, ".arrows").get_attribute("transform")
    arcs = "() => [...document.querySelectorAll('.arrow-shaft')].map(a => a.getAttribute('d')).filter(d => /A/.test(d))"
    (arc,) = page.evaluate(arcs)
    assert " 0 0 1 " in arc  # clockwise, as angles grow
    page.locator("#boxes").get_by_role("group", name="Prediction").focus()
    page.locator("#arrows").get_by_label("none").check()
    page.wait_for_function(f"({arcs})().length === 0")


def test_the_ground_is_that_of_the_angle(opened):
    page = with_angles(opened())
    page.wait_for_timeout(400)
    highest = "document.getElementById('legend-high').textContent"
    before = page.evaluate(highest)
    page.get_by_label("Prediction, degrees, as a number").fill("60")
    page.wait_for_function(f"{highest} !== {before!r}")


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.05), ("momentum", 0.01), ("adam", 0.03)])
def test_the_ball_turns_as_descend_has_it(opened, optimizer, rate):
    start, target, steps = [1.35, 1.15, 1.2, 0.6, 0.7], [4.3, 3.0, 1.7, 1.1, -0.2], 120
    settings = {"optimizer": optimizer, "rate": rate, "momentum": 0.9, "parametrisation": "cxcywha"}
    found = opened().evaluate(
        """([start, target, settings, steps]) => {
            const loss = boxloss.wholeLoss(boxloss.state.parts, "rotated");
            const ball = boxloss.descent(loss, start, target, [6, 4.5], settings);
            return Array.from({ length: steps }, () => (ball.step(), ball.box));
        }""",
        [start, target, settings, steps],
    )
    run = lab.descend(bl.ciou, start, target, optimizer, rate, steps, "cxcywha", momentum=0.9)
    np.testing.assert_allclose(found, run.path[1:], rtol=1e-8, atol=1e-8)


def test_a_run_on_the_page_turns_the_box(opened):
    page = opened(reduced_motion="reduce")
    page.get_by_role("button", name="Turned the wrong way").click()
    assert shown(page, "#parametrisation").input_value() == "cxcywha"
    page.get_by_role("button", name="Run").click()
    assert degrees_of(page)[0] == pytest.approx(90.0, abs=15.0)  # its step is too large for the corner at the match
    page.get_by_role("button", name="Back to start").click()
    assert degrees_of(page)[0] == pytest.approx(60.0)
    page.locator(".part .head select").select_option("diou")
    page.get_by_role("button", name="Run").click()
    assert degrees_of(page)[0] == pytest.approx(0.0, abs=3.0)


@pytest.mark.parametrize("name", ["mpdiou", "gcd"])
def test_a_loss_that_refuses_says_so(opened, name):
    page = opened()
    page.locator(".part .head select").select_option(name)
    with_angles(page)
    assert shown(page, "#run").is_disabled()
    assert (
        page.locator("#ball-text")
        .inner_text()
        .startswith(f"{type(REGISTERED[name]).__name__} is not defined for rotated boxes")
    )
    assert page.locator("#value").inner_text() == "\u2013"
    assert page.locator(".arrow-shaft").count() == 0
    choices = page.locator(".part .head select option:disabled").evaluate_all("all => all.map(o => o.value)")
    assert sorted([*choices, name]) == ["gcd", "mpdiou", "piou", "piou2"]
    page.locator(".part .head select").select_option("giou")
    assert shown(page, "#run").is_enabled()


def test_a_text_is_a_choice(opened):
    page = opened()
    page.locator(".part .head select").select_option("gwd")
    value = shown(page, "#value").inner_text()
    page.locator(".row", has_text="fun").get_by_role("combobox").select_option("none")
    page.wait_for_function("old => document.getElementById('value').textContent !== old", arg=value)
    page.get_by_text("The same in Python").click()
    assert 'bl.GWD(fun="none")' in shown(page, "#code").inner_text()


def test_the_focus_stays_with_what_was_changed(opened):
    page = opened()
    page.get_by_role("button", name="Add a loss").click()
    first = page.locator(".part").first
    for name in ("inner", "alpha"):
        first.get_by_label("Add a modifier").select_option(name)
    focused = "document.activeElement.closest('.part')?.ariaLabel + ': ' + document.activeElement.ariaLabel"
    assert page.evaluate(focused) == "Part 1 of the loss: Add a modifier"
    first.get_by_role("button", name="Remove Inner").click()
    assert page.evaluate(focused) == "Part 1 of the loss: Remove Alpha"
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "Part 1 of the loss: Add a modifier"
    first.get_by_role("button", name="Remove CIoU").click()
    assert page.evaluate("document.activeElement.id") == "add-part"
