"""A number's crop: the digits and the words in one look, for those who may see the photo."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from service.access import Role
from service.blobs.port import view_key
from tests.service.photos.stand import World, number

PHOTO_PX = (3000, 4000)
VIEW_PX = (1536, 2048)
BOXES = [[2000, 1000], [2300, 1000], [2300, 1100], [2000, 1100]]
WORDS = [[400, 1400], [1900, 1400], [1900, 1550], [400, 1550]]
INK, BLUE = (0, 0, 0), (20, 60, 200)


def placed(value: int, words: bool = True) -> dict[str, Any]:
    return {**number(value), "quad_photo": BOXES, "words_quad_photo": WORDS if words else None}


def view_of_the_photo() -> bytes:
    view = Image.new("RGB", VIEW_PX, "white")
    scale = VIEW_PX[0] / PHOTO_PX[0]
    for quad, colour in ((BOXES, INK), (WORDS, BLUE)):
        ImageDraw.Draw(view).polygon([(x * scale, y * scale) for x, y in quad], fill=colour)
    out = BytesIO()
    view.save(out, "JPEG", quality=95)
    return out.getvalue()


def share_of(picture: Image.Image, colour: tuple[int, int, int]) -> float:
    return float((np.abs(np.asarray(picture, int) - colour).max(axis=2) < 40).mean())


@pytest.fixture
def seen(world: World) -> tuple[str, dict[str, str]]:
    """A read photo with two numbers, one of them with words; and its sender's headers."""
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0])
    world.reading(photo, {"paslon_1": placed(92), "sah": placed(230, words=False)}, size_px=PHOTO_PX)
    world.services.blobs.put_bytes(view_key(photo, 0), view_of_the_photo())
    return photo, headers


def cut(world: World, seen: tuple[str, dict[str, str]], query: str = "", field: str = "paslon_1") -> Image.Image:
    found = world.client.get(f"/photos/{seen[0]}/numbers/{field}/crop{query}", headers=seen[1])
    assert (found.status_code, found.headers["content-type"]) == (200, "image/jpeg"), found.text
    return Image.open(BytesIO(found.content)).convert("RGB")


def test_a_reviewer_sees_the_boxes_and_the_words_in_one_picture(world: World, seen: tuple[str, dict[str, str]]) -> None:
    both, boxes, words = (cut(world, seen, query) for query in ("", "?of=boxes", "?of=words"))

    assert share_of(boxes, INK) > 0.35
    assert share_of(boxes, BLUE) == 0
    assert share_of(words, BLUE) > 0.5
    assert share_of(words, INK) == 0
    assert share_of(both.crop((0, 0, both.width, boxes.height)), INK) > 0.03
    assert share_of(both.crop((0, boxes.height, both.width, both.height)), BLUE) > 0.3
    assert both.width <= 800


def test_a_number_without_words_has_its_boxes_only(world: World, seen: tuple[str, dict[str, str]]) -> None:
    photo, headers = seen
    numbers = world.client.get(f"/photos/{photo}", headers=headers).json()["numbers"]

    assert {n["field"]: n["has_words"] for n in numbers} == {"paslon_1": True, "sah": False}
    assert cut(world, seen, field="sah").size == cut(world, seen, "?of=boxes", field="sah").size
    missing = world.client.get(f"/photos/{photo}/numbers/sah/crop?of=words", headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "no_crop")


def test_an_unchanged_crop_costs_nothing_and_each_crop_has_its_own_tag(
    world: World, seen: tuple[str, dict[str, str]]
) -> None:
    url = f"/photos/{seen[0]}/numbers/paslon_1/crop"
    first, words = (world.client.get(url + query, headers=seen[1]) for query in ("", "?of=words"))
    again = world.client.get(url, headers={**seen[1], "If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "private, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["etag"] != words.headers["etag"]


def test_what_is_not_there_says_so(world: World, seen: tuple[str, dict[str, str]]) -> None:
    photo, headers = seen
    sender, _ = world.person(Role.KPPS, world.places.tps[0])
    unread, old = (world.photo(sender, world.places.tps[0]) for _ in range(2))
    world.reading(old, {"paslon_1": number(92)})  # as readings were before they told the size of the photo
    codes = {
        f"{photo}/numbers/paslon_9/crop": "no_crop",
        f"{photo}/numbers/paslon_1/crop?part=3": "no_crop",
        f"{unread}/numbers/paslon_1/crop": "not_ready",
        f"{old}/numbers/paslon_1/crop": "no_crop",
        f"{'0' * 32}/numbers/paslon_1/crop": "not_found",
    }

    found = {path: world.client.get(f"/photos/{path}", headers=headers).json()["code"] for path in codes}

    assert found == codes


@pytest.mark.parametrize("damage", [b"", b"\xff\xd8 no picture", view_of_the_photo()[:400]])
def test_a_view_that_is_damaged_or_gone_is_no_crash(
    world: World, seen: tuple[str, dict[str, str]], damage: bytes
) -> None:
    if damage:
        world.services.blobs.put_bytes(view_key(seen[0], 0), damage)
    else:
        world.services.blobs.delete(view_key(seen[0], 0))

    answer = world.client.get(f"/photos/{seen[0]}/numbers/paslon_1/crop", headers=seen[1])

    assert (answer.status_code, answer.json()["code"]) == (404, "no_view")


def test_a_stranger_sees_no_crop_and_an_erased_photo_has_none(world: World, seen: tuple[str, dict[str, str]]) -> None:
    _, stranger = world.person(Role.PPK, world.places.kecamatan[1])
    foreign = world.client.get(f"/photos/{seen[0]}/numbers/paslon_1/crop", headers=stranger)
    sender, headers = world.person(Role.KPU_KOTA, world.places.city)
    gone = world.photo(sender, world.places.tps[0], erased_at=datetime(2027, 1, 1, tzinfo=UTC))
    erased = world.client.get(f"/photos/{gone}/numbers/paslon_1/crop", headers=headers)

    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_region")
    assert (erased.status_code, erased.json()["code"]) == (410, "photo_erased")
