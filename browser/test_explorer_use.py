"""Can the page of `boxloss explore` be used: with a mouse, with keys, with a finger, on a phone?"""

from itertools import pairwise

import pytest

SMALLEST_TEXT = 14  # pixels; of charts 12, which are scaled
SMALLEST_TARGET = 24  # of what is pressed
widths = pytest.mark.parametrize("width", ["phone", "desktop"])
pressed = "button:not([hidden]), select, input:not([type=radio]), summary, .segments label"


def boxes_of(page):
    return page.evaluate("[boxloss.state.pred, boxloss.state.target]")


def point(page, x, y):
    """A point of the scene on the screen."""
    box = page.locator("#boxes").bounding_box()
    return box["x"] + x * box["width"] / 6, box["y"] + y * box["height"] / 4.5


def drag(page, start, end):
    page.locator("#scene").scroll_into_view_if_needed()
    page.mouse.move(*point(page, *start))
    page.mouse.down()
    page.mouse.move(*point(page, *end), steps=4)
    page.mouse.up()


# --- Moving the boxes -------------------------------------------------------------------------------------------------


def test_drag_moves_a_box(opened):
    page = opened()
    (x, y, w, h), target = boxes_of(page)
    value = page.locator("#value").inner_text()
    drag(page, (x, y), (x + 1.0, y + 0.5))
    pred, other = boxes_of(page)
    assert pred == pytest.approx([x + 1.0, y + 0.5, w, h], abs=0.02)
    assert other == target
    page.wait_for_function("old => document.getElementById('value').textContent !== old", arg=value)


def test_drag_of_a_corner_resizes(opened):
    page = opened()
    for sx, sy in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        _, (x, y, w, h) = boxes_of(page)
        corner = x + sx * w / 2, y + sy * h / 2
        drag(page, corner, (corner[0] + sx * 0.2, corner[1] + sy * 0.1))
        assert boxes_of(page)[1] == pytest.approx([x + sx * 0.1, y + sy * 0.05, w + 0.2, h + 0.1], abs=0.02)


def test_a_box_cannot_be_turned_inside_out(opened):
    page = opened()
    (x, y, w, h), _ = boxes_of(page)
    drag(page, (x + w / 2, y + h / 2), (x - 3.0, y - 3.0))
    assert min(boxes_of(page)[0][2:]) == pytest.approx(0.05)


def test_a_click_on_the_ground_puts_the_prediction_there(opened):
    page = opened()
    page.mouse.click(*point(page, 3.0, 0.5))
    assert boxes_of(page)[0][:2] == pytest.approx([3.0, 0.5], abs=0.02)


def test_keys_move_and_resize(opened):
    page = opened()
    boxes = page.locator("#boxes [tabindex='0']")
    names = boxes.evaluate_all("boxes => boxes.map(b => b.getAttribute('aria-label'))")
    assert [name.split(":")[0] for name in names] == ["Target", "Prediction"]
    boxes.first.focus()
    page.keyboard.press("Tab")
    (x, y, w, h), target = boxes_of(page)
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert boxes_of(page) == [pytest.approx([x + 0.1, y - 0.05, w + 0.05, h + 0.05]), target]
    assert "Loss" in page.locator("#spoken").inner_text()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowLeft")
    assert boxes_of(page)[1][0] == pytest.approx(target[0] - 0.05)


def touch(page, *points):
    """Put a finger down, move it, and lift it."""
    page.locator("#scene").scroll_into_view_if_needed()
    client = page.context.new_cdp_session(page)
    for k, at in enumerate((*points, None)):
        kind = "touchEnd" if at is None else "touchMove" if k else "touchStart"
        touches = [] if at is None else [dict(zip("xy", point(page, *at), strict=True))]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def test_a_finger_moves_and_the_page_stays(opened):
    page = opened("phone", has_touch=True)
    (x, y, w, h), _ = boxes_of(page)
    page.locator("#scene").scroll_into_view_if_needed()
    scroll = page.evaluate("scrollY")
    touch(page, (x, y), (x, y + 0.4), (x, y + 0.8))
    page.wait_for_function("y => Math.abs(boxloss.state.pred[1] - y) < 0.05", arg=y + 0.8)
    assert boxes_of(page)[0] == pytest.approx([x, y + 0.8, w, h], abs=0.05)
    assert page.evaluate("scrollY") == scroll


# --- The ball ---------------------------------------------------------------------------------------------------------


def test_step_run_pause_and_back(opened):
    page = opened()
    start = boxes_of(page)[0]
    page.get_by_role("button", name="Step").click()
    page.wait_for_function("document.getElementById('ball-text').textContent.startsWith('Step 1:')")
    assert boxes_of(page)[0] != start
    page.get_by_role("button", name="Run").click()
    page.wait_for_function("boxloss.rolling.runs[0].boxes.length > 30")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Back to start").click()
    assert boxes_of(page)[0] == start
    page.locator("#optimizer").get_by_label("Adam").check()
    page.get_by_role("button", name="Run").click()
    page.wait_for_function("document.querySelectorAll('#runs li').length === 2")
    assert "Adam 0.03" in page.locator("#runs li").last.inner_text()


def test_a_run_ends_where_nothing_moves(opened):
    page = opened(reduced_motion="reduce")
    page.get_by_role("button", name="No overlap").click()
    page.get_by_role("button", name="Run").click()
    page.wait_for_function("document.getElementById('ball-text').textContent.endsWith('It stays here.')")


def test_no_motion_for_those_who_want_none(opened):
    page = opened(reduced_motion="reduce")
    page.get_by_role("button", name="Straight there").click()
    page.get_by_role("button", name="Run").click()
    assert page.evaluate("boxloss.rolling.running") is False  # it is at its end at once
    page.wait_for_function("document.getElementById('ball-text').textContent.endsWith('It has arrived.')")
    points = page.locator("#chart-loss polyline").get_attribute("points")
    assert len(points.split()) > 100


@widths
def test_frames(opened, width, record_property):
    """How long frames take while the ball rolls and the ground is drawn again in each: reported, not judged."""
    page = opened(width)
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Run").click()
    times = page.evaluate(
        """() => new Promise((done) => {
            const times = [];
            const next = (t) => { times.push(t); times.length < 61 ? requestAnimationFrame(next) : done(times); };
            requestAnimationFrame(next);
        })"""
    )
    frames = sorted(b - a for a, b in pairwise(times))
    record_property("frame of the median", frames[30])
    print(f"{width}: median frame {frames[30]:.1f} ms, 95th percentile {frames[57]:.1f} ms")
    assert page.evaluate("boxloss.rolling.active.ball.steps") > 50


# --- Reading it -------------------------------------------------------------------------------------------------------


@widths
def test_page_fits_and_can_be_read(opened, width):
    page = opened(width)
    page.get_by_role("button", name="Modified").click()
    page.get_by_role("button", name="Add a loss").click()
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    small = page.evaluate(
        """(least) => {
            const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), small = [];
            while (walk.nextNode()) {
                const parent = walk.currentNode.parentElement, text = walk.currentNode.nodeValue.trim();
                if (text && !parent.closest(".charts, script") && parseFloat(getComputedStyle(parent).fontSize) < least)
                    small.push(text);
            }
            return small;
        }""",
        SMALLEST_TEXT,
    )
    assert small == []
    sizes = page.locator(pressed).evaluate_all(
        "all => all.filter(e => e.checkVisibility()).map(e => [e.outerHTML, e.getBoundingClientRect().height])"
    )
    assert [(what, height) for what, height in sizes if height < SMALLEST_TARGET] == []
    unnamed = page.locator("button, select, input, [tabindex='0']").evaluate_all(
        """all => all.filter(e => !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length))
            .map(e => e.outerHTML)"""
    )
    assert unnamed == []


def test_the_boxes_stay_in_sight_on_a_phone(opened):
    page = opened("phone")
    page.get_by_role("button", name="Add a loss").scroll_into_view_if_needed()
    top = page.locator("#scene").bounding_box()["y"]
    assert page.evaluate("scrollY") > 400
    assert top == pytest.approx(0.0, abs=1.0)


def test_colours_follow_the_scheme(opened):
    page = opened(color_scheme="light")
    ground = """() => {
        const copy = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        copy.drawImage(document.getElementById("landscape"), -5, -5);
        const { data } = copy.getImageData(0, 0, 1, 1);
        return data[0] + data[1] + data[2];
    }"""
    page.wait_for_function(f"({ground})() > 0")
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"Math.abs(({ground})() - {light}) > 60")


# --- What is said -----------------------------------------------------------------------------------------------------

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
    told = page.locator("#example-text")
    page.get_by_role("button", name="Grow first").click()
    assert told.is_visible()
    page.get_by_role("button", name="Step").click()
    assert told.is_visible()
    height = page.locator("#scene").bounding_box()["y"]
    page.mouse.click(*point(page, 3.0, 0.5))
    assert not told.is_visible()
    assert page.locator("#scene").bounding_box()["y"] == height
    assert page.locator("#examples [aria-pressed=true]").count() == 0
    page.get_by_role("button", name="No overlap").click()
    page.mouse.click(*point(page, 3.0, 0.5))
    assert told.is_visible()  # which is what it asks for
    page.locator(".part .head select").select_option("giou")
    assert not told.is_visible()


def test_what_was_spoken_is_gone_when_it_is_no_longer_so(opened):
    page = opened()
    spoken = page.locator("#spoken")
    for change in (
        lambda: page.mouse.click(*point(page, 3.0, 0.5)),
        lambda: page.locator(".part .head select").select_option("giou"),
        lambda: page.get_by_role("button", name="Step").click(),
    ):
        page.locator("[data-box=pred]").focus()
        page.keyboard.press("ArrowRight")
        assert "Loss" in spoken.text_content()
        change()
        assert spoken.text_content() == ""


def test_there_is_no_python_of_a_loss_that_refuses(opened):
    page = opened()
    page.locator(".part .head select").select_option("piou")
    page.get_by_text("The same in Python").click()
    assert "bl.PIoU" in page.locator("#code").inner_text()
    page.get_by_label("Boxes with an angle").check()
    page.wait_for_function(
        "document.getElementById('code').textContent.startsWith('# PIoU is not defined for rotated')"
    )
    assert page.get_by_role("button", name="Copy").is_disabled()
    page.get_by_label("Boxes with an angle").uncheck()
    page.wait_for_function("document.getElementById('code').textContent.includes('bl.PIoU')")
    assert page.get_by_role("button", name="Copy").is_enabled()
