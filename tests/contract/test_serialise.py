import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.serialise import page_to_dict, round_p, tps_to_dict
from ocr_pipeline.values import ChannelRead, RuleCheck, TpsRead
from tests.cli.fake_reader import number, page_read, rejected

PAGE_KEYS = {
    "photo", "sha256", "form", "page", "form_rev", "outcome", "reason", "numbers", "rules", "quality", "timing_ms",
    "pipeline_rev", "models", "rotation_deg", "size_px",
}  # fmt: skip
NUMBER_KEYS = {"value", "as_written", "p", "decision", "why", "evidence", "quad_photo", "words_quad_photo"}


def test_a_page_has_every_key_of_the_contract() -> None:
    line = json.loads(json.dumps(page_to_dict(page_read("a.jpg"))))

    assert set(line) >= PAGE_KEYS
    first = line["numbers"]["paslon_1"]
    assert set(first) >= NUMBER_KEYS
    assert (first["value"], first["as_written"], first["decision"], first["why"]) == (92, "X92", "accepted", [])
    assert first["evidence"]["digits"] == {"value": 92, "p": 0.9999}
    assert first["quad_photo"] == [[10.0, 10.0], [70.0, 10.0], [70.0, 30.0], [10.0, 30.0]]
    assert first["words_quad_photo"] is None
    assert line["rules"] == [{"id": "sah_jumlah", "holds": None, "severity": "error"}]
    assert line["quality"] == {"sharpness": 0.8, "px_per_box": 41.2, "coverage": 1.0}
    assert line["timing_ms"] == {"decode": 21.0, "total": 160.0}


def test_a_words_line_is_where_the_reader_found_it() -> None:
    words = np.array([[10, 40.04], [210, 40], [210, 55.96], [10, 56]])
    read = page_read("a.jpg", (replace(number("paslon_1", 92, "X92"), words_quad_photo=words),))

    line = page_to_dict(replace(read, rotation_deg=90, size_px=(300, 400)))

    assert line["numbers"]["paslon_1"]["words_quad_photo"] == [[10.0, 40.0], [210.0, 40.0], [210.0, 56.0], [10.0, 56.0]]
    assert (line["rotation_deg"], line["size_px"]) == (90, [300, 400])


def test_an_undecided_number_is_null_and_never_0() -> None:
    second = page_to_dict(page_read("a.jpg"))["numbers"]["paslon_2"]

    assert second["value"] is None
    assert second["why"] == ["low_confidence", "channels_disagree"]


def test_a_refused_photo_has_a_reason_and_no_numbers() -> None:
    line = page_to_dict(rejected("a.jpg", "blurred"))

    assert set(line) >= PAGE_KEYS
    assert (line["outcome"], line["reason"], line["numbers"], line["quality"]) == ("rejected", "blurred", {}, None)
    assert (line["rotation_deg"], line["size_px"]) == (None, None)


def test_a_station_has_every_key_of_the_contract() -> None:
    read = TpsRead(("a.jpg",), "f", page_read("a.jpg").numbers, (RuleCheck("r", False, "warning"),), "incomplete")

    line = json.loads(json.dumps(tps_to_dict(read)))

    assert set(line) >= {"tps", "form", "numbers", "rules", "verdict"}
    assert line["tps"] == ["a.jpg"]
    assert line["rules"] == [{"id": "r", "holds": False, "severity": "warning"}]


@given(st.floats(0, 1))
def test_a_probability_is_rounded_down_and_1_means_certain(p: float) -> None:
    rounded = round_p(p)

    assert 0 <= rounded <= p
    assert p - rounded < 2e-6
    assert (rounded == 1.0) == (p == 1.0)


def test_numpy_scalars_do_not_break_json() -> None:
    base = number("paslon_1", 92, "X92")
    odd = replace(
        base,
        p=float(np.float64(0.5)),
        evidence={"digits": ChannelRead(92, np.float64(0.5))},
        quad_photo=np.ones((4, 2)),
    )

    assert json.loads(json.dumps(page_to_dict(page_read("a.jpg", (odd,)))))["numbers"]["paslon_1"]["p"] == 0.5


def test_a_name_that_is_no_utf8_survives_json() -> None:
    name = b"foto-\xff.jpg".decode("utf-8", "surrogateescape")

    assert json.loads(json.dumps(page_to_dict(rejected(name, "missing"))))["photo"] == name


@pytest.mark.parametrize("p", [0.9999999, 0.99999999999])
def test_almost_certain_is_not_certain(p: float) -> None:
    assert round_p(p) == 0.999999
