"""What the page of `boxloss explore` says: is it so, and does it fit?"""

import pytest
from test_explorer_use import point, shown, widths

LAST_STEP = "(what) => document.getElementById('ball-text').textContent.endsWith(what)"
INSIDE = """(what) => [...document.querySelectorAll(what)].every((text) => {
    const [own, chart] = [text, text.ownerSVGElement].map((one) => one.getBoundingClientRect());
    return own.left >= chart.left - 1 && own.right <= chart.right + 1;
})"""


@pytest.mark.parametrize(
    ("rate", "told"), [(2, "It jumps about: the learning rate is too high."), (0.001, "on its way.")]
)
def test_a_box_that_jumps_about_is_told_from_one_on_its_way(opened, rate, told):
    page = opened(reduced_motion="reduce")
    page.locator(".part .head select").select_option("l1")
    page.get_by_label("learning rate, as a number").fill(str(rate))
    page.evaluate("boxloss.state.pred = [0.5, 0.5, 0.6, 0.4]; boxloss.state.target = [5, 3.6, 1.2, 1.1]")
    page.get_by_role("button", name="Run").click()
    page.wait_for_function(LAST_STEP, arg=told)


@widths
def test_nothing_of_a_chart_is_cut_off(opened, width):
    page = opened(width, reduced_motion="reduce")
    page.locator(".part .head select").select_option("l1")
    page.get_by_label("learning rate, as a number").fill("2")
    page.get_by_role("button", name="Run").click()
    page.wait_for_function("document.querySelectorAll('#runs li').length === 1")
    assert "2000" in page.locator("#chart-iou").inner_html()
    assert page.evaluate(INSIDE, ".charts text")


@widths
def test_the_text_of_a_choice_fits(opened, width):
    """As wide as a choice with as much room as it wants."""
    page = opened(width)
    page.get_by_label("Boxes with an angle").check()
    room = """([select, value]) => {
        const found = document.querySelector(select), wide = found.clientWidth;
        const alone = found.cloneNode(true);
        alone.replaceChildren([...alone.options].find((option) => option.value === value));
        alone.style = "position: absolute; max-width: none; width: auto";
        found.after(alone);
        const wanted = alone.clientWidth;
        alone.remove();
        return [wanted, wide];
    }"""
    for select, value in (
        ("#parametrisation", "cxcywha"),
        ("#parametrisation", "log-size"),
        (".part .head select", "mpdiou"),
    ):
        wanted, wide = page.evaluate(room, [select, value])
        assert wanted <= wide, (select, value)


def test_an_example_is_over_when_something_else_is_shown(opened):
    page = opened()
    told = "#example-text"
    page.get_by_role("button", name="Grow first").click()
    assert shown(page, told).is_visible()
    page.get_by_role("button", name="Step").click()
    assert shown(page, told).is_visible()
    height = page.locator("#scene").bounding_box()["y"]
    page.mouse.click(*point(page, 3.0, 0.5))
    assert not shown(page, told).is_visible()
    assert page.locator("#scene").bounding_box()["y"] == height
    assert page.locator("#examples [aria-pressed=true]").count() == 0
    page.get_by_role("button", name="No overlap").click()
    page.mouse.click(*point(page, 3.0, 0.5))
    assert shown(page, told).is_visible()  # which is what it asks for
    page.locator(".part .head select").select_option("giou")
    assert not shown(page, told).is_visible()


def test_what_was_spoken_is_gone_when_it_is_no_longer_so(opened):
    page = opened()
    for change in (
        lambda: page.mouse.click(*point(page, 3.0, 0.5)),
        lambda: page.locator(".part .head select").select_option("giou"),
        lambda: page.get_by_role("button", name="Step").click(),
    ):
        page.locator("[data-box=pred]").focus()
        page.keyboard.press("ArrowRight")
        assert "Loss" in shown(page, "#spoken").text_content()
        change()
        assert shown(page, "#spoken").text_content() == ""


def test_there_is_no_python_of_a_loss_that_refuses(opened):
    page = opened()
    page.locator(".part .head select").select_option("piou")
    page.get_by_text("The same in Python").click()
    assert "bl.PIoU" in shown(page, "#code").inner_text()
    page.get_by_label("Boxes with an angle").check()
    assert shown(page, "#code").inner_text().startswith("# PIoU is not defined for rotated")
    assert page.get_by_role("button", name="Copy").is_disabled()
    page.get_by_label("Boxes with an angle").uncheck()
    assert "bl.PIoU" in shown(page, "#code").inner_text()
    assert page.get_by_role("button", name="Copy").is_enabled()
