"""The page of `boxloss explore`: does it compute what NumPy computes, and can it be used?"""

import base64

import numpy as np
import pytest
from explorer_cases import SIZE, cases
from test_explorer_use import shown

import boxloss as bl
from boxloss.lab.descent import _constants as constants
from boxloss.lab.explorer.boxes import KINDS
from boxloss.lab.kernels import Descend, step_of
from boxloss.lab.methods import PARAMETRISATIONS

HEIGHT, WIDTH = SIZE
PAIR = "[...boxloss.corners(boxloss.state.pred), ...boxloss.corners(boxloss.state.target), 6, 4.5]"
# Numbers of all pairs for a loss, as text: a number at a time takes Playwright a minute.
COMPUTE = """([text, parts, shape, what]) => {
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const boxes = new Float64Array(bytes(text).buffer);
    const size = shape === "rotated" ? 12 : 8, loss = boxloss.wholeLoss(parts, shape), found = [];
    for (let k = 0; k < boxes.length; k += size) {
        const numbers = boxloss[what](loss, [...boxes.subarray(k, k + size), 6, 4.5]);
        if (numbers === null) return null;
        found.push(...numbers);
    }
    const letters = Array.from(new Uint8Array(new Float64Array(found).buffer), (byte) => String.fromCharCode(byte));
    return btoa(letters.join(""));
}"""


def computed(page, boxes, parts, shape, what="valueAndGrad"):
    """Rows of numbers, one a pair; None if there are none."""
    text = base64.b64encode(np.ascontiguousarray(boxes)).decode("ascii")
    found = page.evaluate(COMPUTE, [text, parts, shape, what])
    return None if found is None else np.frombuffer(base64.b64decode(found)).reshape(len(boxes), -1)


def choose(page, name):
    page.get_by_role("button", name=name).click()
    return page


# --- Numbers ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def compared(request):
    return request.param.name, *cases(request.param)


def test_values_and_gradients_are_those_of_numpy(opened, compared):
    page, (shape, boxes, all_cases) = opened(), compared
    assert len(all_cases) > 150
    for case in all_cases:
        if "error" in case:
            continue
        found = computed(page, boxes, case["parts"], shape)
        value, grad = case["value"], case["grad"]
        # KLD of one rectangle written in two ways, a quarter turn on, is the root of what rounding leaves, or a root of
        # that: 1e-8 or 1e-4. NumPy's logarithms differ from CPU to CPU: such rows and their gradients are not compared.
        is_kld = shape == "rotated" and case["parts"][0]["name"] == "kld"
        is_rounding = is_kld & (found[:, 0] != value) & (np.maximum(found[:, 0], value) < 2e-4)
        assert is_rounding.mean() < 0.01, case["name"]
        kept, found, value, grad = (rows[~is_rounding] for rows in (boxes, found, value, grad))
        np.testing.assert_allclose(found[:, 0], value, rtol=1e-12, atol=1e-12, err_msg=case["name"])
        largest = np.abs(grad).max(axis=1, keepdims=True)
        error = np.abs(found[:, 1:] - grad) / np.maximum(largest, 1e-3)
        assert error.max() < 1e-12, (case["name"], kept[error.max(axis=1).argmax()])


def test_losses_that_are_not_defined_are_none_and_the_page_says_why(opened, compared):
    page, (shape, _, all_cases) = opened(), compared
    refused = [case for case in all_cases if "error" in case]
    names = {case["parts"][0]["name"] for case in refused}
    assert names == ({"piou", "piou2", "gcd", "mpdiou"} if shape == "rotated" else set())
    for case in refused:
        given = [case["parts"], shape]
        assert page.evaluate("given => boxloss.wholeLoss(...given)", given) is None
        # Without the losses that an error names: those that the page offers are in its own list.
        assert page.evaluate("given => boxloss.refusal(...given)", given) == case["error"].partition(". Defined")[0]


def test_terms_add_up_to_the_value(opened, compared):
    page, (shape, boxes, all_cases) = opened(), compared
    for case in [case for case in all_cases if "error" not in case][::4]:
        terms = computed(page, boxes, case["parts"], shape, "termValues")
        if terms is not None:
            np.testing.assert_allclose(terms.sum(axis=1), case["value"], rtol=1e-12, atol=1e-12, err_msg=case["name"])


@pytest.mark.parametrize(
    ("optimizer", "rate", "parametrisation"),
    [("sgd", 0.05, "cxcywh"), ("momentum", 0.01, "xyxy"), ("adam", 0.03, "log-size"), ("adam", 0.03, "xy")],
)
def test_the_ball_goes_where_descend_goes(opened, optimizer, rate, parametrisation):
    start, target, steps = (1.35, 1.15, 1.2, 1.4), (4.3, 3.0, 1.7, 1.1), 120
    settings = {"optimizer": optimizer, "rate": rate, "momentum": 0.9, "parametrisation": parametrisation}
    found = opened().evaluate(
        """([start, target, size, settings, steps]) => {
            const loss = boxloss.wholeLoss(boxloss.state.parts);
            const ball = boxloss.descent(loss, start, target, size, settings);
            return Array.from({ length: steps }, () => (ball.step(), ball.box));
        }""",
        [start, target, [WIDTH, HEIGHT], settings, steps],
    )
    # What the kernel of `lab.descend` is compiled from, on plain numbers: compiling it takes seconds.
    kind = Descend(bl.ciou.program.structure, parametrisation, optimizer, False, False)
    encode, decode, *_ = PARAMETRISATIONS[parametrisation]
    decay, rates, per_roots = constants(optimizer, np.full(steps, rate), 0.9, (0.9, 0.999), 1e-8)
    state, memories = encode(np, start), [(0.0,) * 4] * 2
    for k in range(steps):
        own = rates[k], per_roots[k]
        state, *kept = step_of(kind)(np, state, target, *memories, own, decay, bl.ciou.program.numbers)
        memories[: len(kept)] = kept
        assert found[k] == pytest.approx(decode(np, state), rel=1e-9, abs=1e-9)


def test_python_says_what_the_page_says(opened):
    page = choose(opened(), "Modified")
    page.get_by_text("The same in Python").click()
    names = {}
    exec(shown(page, "#code").inner_text(), names)
    assert float(names["value"][0]) == pytest.approx(float(shown(page, "#value").inner_text()), rel=1e-3)
    assert names["loss"] == bl.Focaler(bl.Inner(bl.ciou))


# --- What it shows ----------------------------------------------------------------------------------------------------


def test_needs_no_network(browser, explorer_address):
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(explorer_address)
    assert [url for url in asked if not url.startswith("data:")] == [explorer_address]
    page.close()


def test_every_loss_can_be_chosen(opened):
    page = opened()
    choices = page.locator(".part .head select")
    names = choices.locator("option").evaluate_all("options => options.map(o => o.value)")
    assert [*bl.losses(), "mpdiou"] == names
    for name in names:
        choices.select_option(name)
        assert shown(page, "#value").inner_text() != "NaN"
        assert page.evaluate("boxloss.state.parts[0].name") == name


def test_modifiers_nest_and_those_that_do_not_fit_go(opened):
    page = opened()
    for name in ("inner", "alpha"):
        page.get_by_label("Add a modifier").select_option(name)
    assert shown(page, "#value-name").inner_text() == "Alpha(Inner(CIoU))"
    page.locator(".part .head select").select_option("l1")
    assert shown(page, "#value-name").inner_text() == "L1"
    unfit = page.locator(".add option:disabled").evaluate_all("options => options.map(o => o.value)")
    assert unfit == ["inner", "focaler", "alpha", "axisenclosing"]


def test_sliders_of_two_that_have_an_order(opened):
    page = choose(opened(), "Modified")
    page.get_by_label("low, as a number").fill("0.9")
    page.get_by_label("high, as a number").fill("0.5")
    low, high = page.evaluate("(({low, high}) => [low, high])(boxloss.state.parts[0].modifiers[1].values)")
    assert low < high
    page.wait_for_function("Number.isFinite(Number(document.getElementById('value').textContent))")


def test_a_sum_of_losses(opened):
    page = opened()
    page.get_by_role("button", name="Add a loss").click()
    page.get_by_label("weight, as a number").first.fill("2.5")
    page.wait_for_function("document.getElementById('value-name').textContent.startsWith('2.5')")
    page.get_by_role("button", name="Remove CIoU").click()
    page.wait_for_function("document.getElementById('value-name').textContent === 'L1'")


def test_examples_show_what_they_say(opened):
    page = opened()

    def gradient(example):
        choose(page, example)
        return page.evaluate(f"boxloss.valueAndGrad(boxloss.wholeLoss(boxloss.state.parts), {PAIR}).slice(1)")

    assert gradient("No overlap") == [0.0] * 4
    x1, y1, x2, y2 = gradient("Grow first")
    assert np.hypot(x2, y2) > 2.0 * np.hypot(x1, y1)  # the near corner is drawn
    assert max(x2, y2) < 0.0
    assert min(-np.asarray(gradient("Straight there"))[2:]) > 0.0
    terms = page.evaluate(f"boxloss.termValues(boxloss.wholeLoss(boxloss.state.parts), {PAIR})")
    assert len(terms) == 2
    gradient("A matter of shape")
    distance, offset, shape = page.evaluate(f"boxloss.termValues(boxloss.wholeLoss(boxloss.state.parts), {PAIR})")
    assert (distance > 0.0, offset, shape > 0.0) == (True, 0.0, True)
    x1, y1, x2, y2 = gradient("A box inside")
    assert (x1 + x2, y1 + y2) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert min(x1, y1) > 0.0 > max(x2, y2)
