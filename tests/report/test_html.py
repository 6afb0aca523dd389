import re
from dataclasses import replace
from html.parser import HTMLParser

from ocr_pipeline.reader import PageResult, read_together
from service.report.html import make_card, render_report
from tests.cli.fake_reader import page_read, rejected

VOID = {"meta", "img", "br", "link", "input", "hr"}


class _Page(HTMLParser):
    """Collects what the checks need, and that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parse(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    assert page.open == []
    return page


def test_the_report_shows_every_number_with_its_crop(accepted_page: PageResult) -> None:
    html = render_report([make_card(accepted_page)], [read_together([accepted_page])])

    page = parse(html)
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == len(accepted_page.read.numbers) + 1
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") for image in images)
    assert all(len(image["alt"] or "") > 10 for image in images)
    for n in accepted_page.read.numbers.values():
        assert f"<dd>{n.value}</dd>" in html
        assert n.as_written in html
    assert "Suara paslon 1" in html
    assert "belum lengkap" in html.lower()


def test_the_report_loads_nothing(accepted_page: PageResult) -> None:
    html = render_report([make_card(accepted_page)])

    addresses = re.findall(r"""(?:src|href)=["']?([^"'\s>]+)""", html)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"https?:|@import|url\(|<script", html)


def test_a_file_name_cannot_become_markup(accepted_page: PageResult) -> None:
    name = '<img src=x onerror="alert(1)">.jpg'
    card = make_card(PageResult(rejected(name, "missing"), {}, None))
    shown = replace(make_card(accepted_page), view=replace(make_card(accepted_page).view, photo=name))

    html = render_report([card, shown])

    assert "<img src=x" not in html
    assert "&lt;img src=x" in html
    parse(html)


def test_a_refused_photo_says_what_to_do() -> None:
    html = render_report([make_card(PageResult(rejected("gone.jpg", "missing"), {}, None))])

    assert "Berkas tidak ditemukan" in html
    assert "<figure" not in html
    parse(html)


def test_reasons_are_shown_where_a_person_is_needed() -> None:
    html = render_report([make_card(PageResult(page_read("gone.jpg"), {}, None))])

    assert "tulisan kurang jelas" in html
    assert "1?3" in html
    assert "<dd>–</dd>" in html
    parse(html)


def test_indonesian_is_the_language_and_english_is_marked(accepted_page: PageResult) -> None:
    page = parse(render_report([make_card(accepted_page)]))

    assert ("html", {"lang": "id"}) in page.tags
    assert sum(attributes.get("lang") == "en" for _, attributes in page.tags) > 10
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
