"""Is everything on the page, and can it be read?"""

SECTIONS = {
    "At a glance": (1, 0),
    "The slope under the box": (1, 2),
    "The ball": (1, 3),
    "Does the loss follow the IoU?": (2, 4),
    "Your detector": (1, 2),
    "The experiment of the DIoU paper": (4, 6),
}
SMALLEST_TEXT = 14  # pixels
NARROWEST_PICTURE = 300


def test_page_needs_no_network(browser, address):
    page, asked, errors = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.goto(address)
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert errors == []


def test_every_section_has_its_tables_and_pictures(page):
    found = page.eval_on_selector_all(
        "main section",
        """sections => sections.map(s => [s.querySelector("h2").innerText,
            [s.querySelectorAll("table").length, s.querySelectorAll("img").length]])""",
    )
    assert {title: tuple(counts) for title, counts in found} == SECTIONS


def test_pictures_are_shown_and_described(page):
    pictures = page.eval_on_selector_all(
        "img",
        """images => images.map(i => ({complete: i.complete, natural: i.naturalWidth * i.naturalHeight, alt: i.alt,
            left: i.getBoundingClientRect().left, right: i.getBoundingClientRect().right,
            ratio: i.getBoundingClientRect().width / i.getBoundingClientRect().height
                   * i.naturalHeight / i.naturalWidth}))""",
    )
    width = page.viewport_size["width"]
    assert len(pictures) == sum(count for _, count in SECTIONS.values())
    for picture in pictures:
        assert picture["complete"]
        assert picture["natural"] > 0
        assert len(picture["alt"]) > 20
        assert 0 <= picture["left"] < picture["right"] <= width
        assert picture["right"] - picture["left"] >= NARROWEST_PICTURE
        assert abs(picture["ratio"] - 1) < 0.01


def test_tables_are_full(page):
    tables = page.eval_on_selector_all(
        "table",
        """tables => tables.map(t => [...t.rows].map(r => [...r.cells].map(c => c.innerText.trim())))""",
    )
    assert len(tables) == sum(count for count, _ in SECTIONS.values())
    for header, *rows in tables:
        assert len(rows) >= 2
        assert all(len(row) == len(header) and all(row) for row in rows)


def test_page_is_not_wider_than_the_screen(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_wide_tables_scroll_by_themselves(page):
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
    sizes = page.evaluate(
        """() => {
            for (const details of document.querySelectorAll("details")) details.open = true;
            const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), sizes = [];
            while (walk.nextNode()) {
                const text = walk.currentNode.nodeValue.trim(), parent = walk.currentNode.parentElement;
                if (text) sizes.push([parseFloat(getComputedStyle(parent).fontSize), text]);
            }
            return sizes;
        }"""
    )
    assert len(sizes) > 100
    assert [(size, text) for size, text in sizes if size < SMALLEST_TEXT] == []


def test_links_lead_to_sections(page):
    targets = page.eval_on_selector_all("nav a", "links => links.map(a => document.querySelector(a.hash) !== null)")
    assert targets == [True] * (len(SECTIONS) + 1)


def test_no_motion_for_those_who_want_none(browser, address):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(address)
    moving = "() => [...document.images].filter(i => i.currentSrc.startsWith('data:image/gif')).length"
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion="no-preference")
    page.wait_for_function(f"({moving})() === 1")
