"""Is everything on the page, and can it be read?"""

SECTIONS = {  # tables and drawings of each
    "At a glance": (1, 8),
    "Does the loss matter for AP? A box regressor": (2, 1),
    "Drag a box": (0, 0),
    "The slope under the box": (2, 10),
    "The ball": (2, 7),
    "Does the loss follow the IoU?": (2, 10),
    "Your detector": (1, 5),
    "The experiment of the DIoU paper": (4, 9),
}
CARDS, TILES = 3, 4
SMALLEST_TEXT = 14  # pixels
NARROWEST_TILE, NARROWEST_CHART = 130, 300
TALLEST = {390: 11_700, 1280: 5_400}
DRAWINGS = "svg.tile, svg.chart"
UNFOLD = "document.querySelectorAll('details').forEach(details => details.open = true)"


def test_page_needs_no_network(browser, address):
    page, asked, errors = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.goto(address)
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert errors == []


def test_page_is_not_long(page):
    """As it opens, with all but the pictures folded."""
    page.reload()
    assert page.evaluate("document.documentElement.scrollHeight") <= TALLEST[page.viewport_size["width"]]


def test_first_screen_tells_the_story(page):
    cards = page.eval_on_selector_all(
        ".card",
        """cards => cards.map(c => [c.querySelector("h3").innerText, c.querySelectorAll("svg.tile").length,
            c.querySelectorAll("figcaption span").length, c.getBoundingClientRect().bottom + scrollY])""",
    )
    assert [card[:3] for card in cards] == [[name, TILES, TILES] for name in ("L1", "IoU", "CIoU")]
    if page.viewport_size["width"] > 1000:
        assert max(bottom for *_, bottom in cards) <= page.viewport_size["height"]


def test_tiles_are_equal(page):
    sizes = page.eval_on_selector_all(
        ".card svg.tile", "tiles => tiles.map(t => [t.clientWidth, t.clientHeight].map(Math.round))"
    )
    assert len(sizes) == CARDS * TILES
    assert len({tuple(size) for size in sizes}) == 1
    assert sizes[0][0] == sizes[0][1]


def test_every_section_has_its_tables_and_drawings(page):
    found = page.eval_on_selector_all(
        "main section",
        f"""sections => sections.map(s => [s.querySelector("h2").innerText,
            [s.querySelectorAll("table").length, s.querySelectorAll("{DRAWINGS}").length]])""",
    )
    assert {title: tuple(counts) for title, counts in found} == SECTIONS | {
        "At a glance": (SECTIONS["At a glance"][0], CARDS * TILES)
    }


def test_drawings_are_shown_and_described(page):
    page.evaluate(UNFOLD)
    drawings = page.eval_on_selector_all(
        DRAWINGS,
        """drawings => drawings.map(d => ({kind: d.getAttribute("class"), alt: d.getAttribute("aria-label"),
            left: d.getBoundingClientRect().left, right: d.getBoundingClientRect().right,
            images: [...d.querySelectorAll("image")].map(i => i.getBoundingClientRect().width)}))""",
    )
    width = page.viewport_size["width"]
    for drawing in drawings:
        assert len(drawing["alt"]) > 20
        assert 0 <= drawing["left"] < drawing["right"] <= width
        narrowest = NARROWEST_CHART if drawing["kind"] == "chart" else NARROWEST_TILE
        assert drawing["right"] - drawing["left"] >= narrowest
        assert all(image > 100 for image in drawing["images"])
    assert len({drawing["alt"] for drawing in drawings}) == len(drawings)


def test_tables_are_full(page):
    page.evaluate(UNFOLD)
    tables = page.eval_on_selector_all(
        "table",
        """tables => tables.map(t => [...t.rows].map(r => [...r.cells].map(c => c.innerText.trim())))""",
    )
    assert len(tables) == sum(count for count, _ in SECTIONS.values())
    for header, *rows in tables:
        assert len(rows) >= 2
        assert all(len(row) == len(header) and all(row) for row in rows)


def test_page_is_not_wider_than_the_screen(page):
    for unfold in ("0", UNFOLD):
        page.evaluate(unfold)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_wide_tables_scroll_by_themselves(page):
    page.evaluate(UNFOLD)
    regions = page.eval_on_selector_all(
        ".scroll",
        """regions => regions.map(r => {
            r.scrollLeft = 10000;
            const end = r.querySelector("tr").lastElementChild.getBoundingClientRect().right;
            return [r.scrollWidth - r.clientWidth, end, r.getBoundingClientRect().right];
        })""",
    )
    assert all(end <= right + 1 for _, end, right in regions)
    if page.viewport_size["width"] < 500:
        assert any(hidden > 0 for hidden, _, _ in regions)


def test_text_is_large_enough(page):
    """In drawings too, which may be scaled."""
    page.evaluate(UNFOLD)
    sizes = page.evaluate(
        """() => {
            const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), sizes = [];
            while (walk.nextNode()) {
                const text = walk.currentNode.nodeValue.trim(), parent = walk.currentNode.parentElement;
                const drawing = parent.closest("svg"), style = getComputedStyle(parent);
                if (!text || parent.closest("style")) continue;
                const scale = drawing ? drawing.clientWidth / drawing.viewBox.baseVal.width : 1;
                sizes.push([parseFloat(style.fontSize) * scale, text]);
            }
            return sizes;
        }"""
    )
    assert len(sizes) > 100
    assert [(size, text) for size, text in sizes if size < SMALLEST_TEXT] == []


def test_text_can_be_read_on_its_ground(browser, address):
    """Contrast of 4.5 to 1 and more, in light and in dark."""
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(address)
        ratios = page.evaluate(
            """() => {
                const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(c => c / 255)
                    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
                    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
                const ground = light(getComputedStyle(document.body).backgroundColor);
                return [...document.querySelectorAll("h1, h2, p, a, figcaption, figcaption b, dd, td, th, summary")]
                    .map(e => light(getComputedStyle(e).color))
                    .map(l => (Math.max(l, ground) + 0.05) / (Math.min(l, ground) + 0.05));
            }"""
        )
        assert min(ratios) >= 4.5
        assert (page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)") is (
            scheme == "light"
        )


def test_links_lead_to_sections(page):
    targets = page.eval_on_selector_all("nav a", "links => links.map(a => document.querySelector(a.hash) !== null)")
    assert targets == [True] * (len(SECTIONS) + 1)


def test_the_page_to_drag_a_box_on_opens(browser, address):
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.click("#explore a")
    page.wait_for_selector("canvas, svg")
    assert page.url.endswith("/explore.html")
    assert errors == []


def test_balls_move_and_come_to_rest(browser, address):
    running = "() => document.getAnimations().filter(a => a.playState === 'running').length"
    page = browser.new_page()
    page.goto(address)
    assert page.evaluate(running) > 20
    page.check("#still")
    assert page.evaluate(running) == 0


def test_no_motion_for_those_who_want_none(browser, address):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(address)
    assert page.evaluate("document.getAnimations().length") == 0
    assert not page.is_visible("#still")
    at_end = page.eval_on_selector_all(".ball", "balls => balls.every(b => b.style.transform.startsWith('translate'))")
    assert at_end


def test_there_is_one_minus_sign(page):
    """But for commands, which are to be copied, and names."""
    page.evaluate(UNFOLD)
    found = page.eval_on_selector_all(
        "main p, main figcaption, main td, main dd, main svg text",
        r"all => all.map(one => one.textContent).filter(text => /(^|[\s(])-[\d.]/.test(text))",
    )
    assert found == []


def test_the_figure_of_ap_has_room(page):
    """Intervals can be told from each other where the screen is wide."""
    if page.viewport_size["width"] > 1000:
        figure = page.locator("#training .result svg.chart").bounding_box()
        assert figure["width"] > 400
