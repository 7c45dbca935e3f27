"""Can the page of `boxloss explore` be used: with a mouse, with keys, with a finger, on a phone?"""

from itertools import pairwise

import pytest

SMALLEST_TEXT = 14  # pixels; of charts 12, which are scaled
SMALLEST_TARGET = 24  # of what is pressed
widths = pytest.mark.parametrize("width", ["phone", "desktop"])
pressed = "button:not([hidden]), select, input:not([type=radio]), summary, .segments label"


def boxes_of(page):
    return page.evaluate("[boxloss.state.pred, boxloss.state.target]")


def shown(page, what):
    """A part of the page, when what was changed has been drawn: a page draws in the frame after, and opens sections."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.locator(what)


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
    value = shown(page, "#value").inner_text()
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
    boxes = shown(page, "#boxes [tabindex='0']")
    names = boxes.evaluate_all("boxes => boxes.map(b => b.getAttribute('aria-label'))")
    assert [name.split(":")[0] for name in names] == ["Target", "Prediction"]
    boxes.first.focus()
    page.keyboard.press("Tab")
    (x, y, w, h), target = boxes_of(page)
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert boxes_of(page) == [pytest.approx([x + 0.1, y - 0.05, w + 0.05, h + 0.05]), target]
    assert "Loss" in shown(page, "#spoken").inner_text()
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
    assert "Adam 0.03" in shown(page, "#runs li").last.inner_text()


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
    points = shown(page, "#chart-loss polyline").get_attribute("points")
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
    sizes = shown(page, pressed).evaluate_all(
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
    top = shown(page, "#scene").bounding_box()["y"]
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
