"""Region files: what is taken, what is refused, and that the same file twice changes nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from service.audit import NATIONAL
from service.errors import ServiceError
from service.regions.codes import ancestors_of, is_code, level_of, parent_of, prefix_range
from service.regions.files import parse_regions
from service.regions.load import import_regions
from service.regions.queries import search_regions
from service.services import Services
from service.store.audit import AuditEvent
from service.store.regions import Region, Tps
from tests.service.places import COUNTRY_CSV, small_country

JSON_SHAPE = {
    "id2name": {"18": "LAMPUNG", "1871": "KOTA BANDAR LAMPUNG", "187101": "KEDATON", "1871011001": "KEDATON"},
    "tps": {"1871011001": [2, 901, 902]},
}


def counts(services: Services) -> dict[str, int]:
    with services.store.read() as session:
        return {row.code: row.tps_count for row in session.execute(select(Region.code, Region.tps_count))}


def test_stations_are_counted_on_every_level(services: Services) -> None:
    small_country(services)
    assert counts(services) == {
        "": 6, "18": 6, "1871": 6, "187101": 4, "187102": 2, "1871011001": 3, "1871011002": 1, "1871021001": 2,
    }  # fmt: skip


def test_special_numbers_follow_the_ordinary_ones(services: Services) -> None:
    import_regions(services, json.dumps(JSON_SHAPE).encode())
    with services.store.read() as session:
        codes = session.scalars(select(Tps.code).order_by(Tps.code)).all()
    assert codes == ["1871011001001", "1871011001002", "1871011001901", "1871011001902"]


def test_the_same_file_again_changes_nothing(services: Services) -> None:
    small_country(services)
    before = counts(services)
    report = import_regions(services, COUNTRY_CSV.encode())
    assert (report.regions_new, report.regions_renamed, report.stations_new) == (0, 0, 0)
    assert counts(services) == before


def test_a_later_file_adds_stations_renames_and_removes_nothing(services: Services) -> None:
    small_country(services)
    later = "code,name,tps\n1871011001,KEDATON BARU,1-2;4\n"
    report = import_regions(services, later.encode())
    assert (report.regions_renamed, report.stations_new, report.stations_not_in_file) == (1, 1, 1)
    assert counts(services)[""] == 7


def test_a_dry_run_says_what_would_happen_and_keeps_nothing(services: Services) -> None:
    report = import_regions(services, COUNTRY_CSV.encode(), dry_run=True)
    assert report.dry_run
    assert report.stations_new == 6
    assert counts(services) == {}


def test_an_import_is_on_the_audit_trail(services: Services) -> None:
    small_country(services)
    with services.store.read() as session:
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.chain == NATIONAL)).all()
    assert actions == ["regions.imported"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"{",
        b"[]",
        b'{"id2name": []}',
        b'{"id2name": {"18": "LAMPUNG"}, "tps": {"1871011001": [3]}}',
        b'{"id2name": {"18": ""}}',
        b'{"id2name": {}, "tps": {"1871011001": [1000]}}',
        b'{"id2name": {}, "tps": {"1871011001": [true]}}',
        b'{"id2name": {}, "tps": {"1871011001": [3, 5]}}',
        b"code,name\n1,X\n",
        b"code,name\n1871,KOTA\n",
        b"kode,nama,tps\n18,LAMPUNG,3\n",
        b"name\nX\n",
        b"code,name\n18,A\n18,B\n",
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(services: Services, content: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        import_regions(services, content)
    assert caught.value.code == "bad_region_file"
    assert caught.value.details["problems"]
    assert counts(services) == {}


@pytest.mark.parametrize("said", ["0-3", "5-1", "1000", "1-1000", "x", "1,2"])
def test_station_ranges_that_mean_nothing_are_refused(said: str) -> None:
    with pytest.raises(ServiceError):
        parse_regions(f"code;name;tps\n1871011001;KEDATON;{said}\n".encode())


def test_semicolons_and_indonesian_headers_are_taken() -> None:
    file = parse_regions("\ufeffKode;Nama;TPS\n1871011001;KEDATON;2\n1871011001901;;\n".encode())
    assert list(file.tps_codes()) == ["1871011001001", "1871011001002", "1871011001901"]


def test_search_finds_by_name_and_code_within_the_scope(services: Services) -> None:
    small_country(services)
    with services.store.read() as session:
        assert [r.code for r in search_regions(session, "kedaton", "", 10)] == ["187101", "1871011001"]
        assert [r.code for r in search_regions(session, "lampung bandar", "", 10)] == ["1871"]
        assert [r.code for r in search_regions(session, "187102", "", 10)] == ["187102", "1871021001"]
        assert search_regions(session, "kedaton", "187102", 10) == []
        assert search_regions(session, "%", "", 10) == []


@given(st.text(alphabet="0123456789", max_size=14), st.text(alphabet="0123456789", max_size=14))
def test_a_prefix_range_holds_exactly_the_codes_that_start_with_it(prefix: str, code: str) -> None:
    low, high = prefix_range(prefix)
    assert (low <= code < high) == code.startswith(prefix)


@given(st.sampled_from((2, 4, 6, 10, 13)).flatmap(lambda n: st.text(alphabet="0123456789", min_size=n, max_size=n)))
def test_every_region_lies_in_its_ancestors(code: str) -> None:
    assert is_code(code)
    assert parent_of(code) == ancestors_of(code)[-1]
    assert len(ancestors_of(code)) == level_of(code)


def test_stations_are_those_of_the_table(services: Services) -> None:
    places = small_country(services)
    with services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Tps)) == len(places.tps)
