"""Every route that touches a region, called from elsewhere: real things of one kecamatan, out of reach of all others.

The third dimension of the permission table: a route of ``test_permissions.TABLE`` must be here, or say why not.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.access import GRANTS, Role
from service.app import create_app
from service.ids import new_id
from service.services import Services
from service.store.photos import Alarm, Receipt, Upload
from service.store.readings import Batch
from tests.service.people import bearer, make_account, token_for
from tests.service.places import ELECTION, open_election, small_country
from tests.service.sayings import add_photo
from tests.service.test_permissions import SCOPES, TABLE

TPS = "1871011001001"
KECAMATAN = "187101"
SHA = "ab" * 32

ELSEWHERE = {
    Role.KPPS: "1871011001002",  # the neighbouring station
    Role.PPS: "1871011002",  # another kelurahan of the kecamatan
    Role.PPK: "187102",
    Role.PPK_MOBILE: "187102",
    Role.PPK_WEB: "187102",
    Role.KPU_KOTA: "1872",
    Role.KPU_PROVINSI: "19",
    Role.SAKSI: "187102",
    Role.PENGAWAS: "1872",
}
"""For each role but those of the nation, a region beside the one that everything here is in."""

NO_REGION = {
    "/auth/": "only one's own account",
    "/elections": "known to everybody who is logged in; changed only by roles of the nation",
    "/regions/search": "names of regions; shows only those of one's own",
    "/metrics": "only a role of the nation",
    "/batches": "a list of one's own region",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is right in everything but where it comes from."""

    json: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    files: Any = None
    path: Mapping[str, str] = field(default_factory=dict)  # where it is not the id of what is tried
    endless: bool = False


WHY = {"reason": "percobaan"}
AT = {"election": ELECTION}
VERSION = {"If-Match": '"1"'}
NUMBER = {"field": "paslon_1", "outcome": "value", "value": 1, "reason": "percobaan"}
FILTER = {"filter": {"region": KECAMATAN, "failed": True}}
METADATA = ",".join(
    f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in (("election", ELECTION), ("tps", TPS))
)
PART = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}

CALLS: dict[tuple[str, str], Call] = {
    ("GET", "/users"): Call(params={"scope": KECAMATAN}),
    ("POST", "/users"): Call({"role": "kpps", "scope": TPS, "phone": "0812 0000 0001"}),
    ("POST", "/users/import"): Call(content=f"TPS,Nama,HP\n{TPS},Siti,081200000002\n".encode()),
    ("GET", "/users/{user_id}"): Call(),
    ("POST", "/users/{user_id}/invite"): Call(),
    ("POST", "/users/{user_id}/disable"): Call(WHY),
    ("POST", "/users/{user_id}/enable"): Call(WHY),
    ("GET", "/users/{user_id}/sessions"): Call(),
    ("POST", "/users/{user_id}/revoke"): Call(WHY),
    ("POST", "/users/{user_id}/erase"): Call(WHY),
    ("GET", "/regions/{code}"): Call(),
    ("POST", "/photos/announce"): Call({"election": ELECTION, "tps": TPS, "sha256": SHA, "size_bytes": 3}),
    ("PUT", "/photos/{photo_id}"): Call(params={**AT, "tps": TPS}, content=b"jpg", path={"photo_id": SHA}),
    ("POST", "/photos"): Call(files={"election": (None, ELECTION), "tps": (None, TPS), "photo": ("a.jpg", b"jpg")}),
    ("POST", "/uploads"): Call(headers={"Upload-Length": "3", "Upload-Metadata": METADATA}),
    ("GET", "/uploads/{upload_id}"): Call(),
    ("HEAD", "/uploads/{upload_id}"): Call(),
    ("PATCH", "/uploads/{upload_id}"): Call(headers=PART, content=b"j"),
    ("POST", "/uploads/{upload_id}"): Call(headers={**PART, "X-HTTP-Method-Override": "PATCH"}, content=b"j"),
    ("DELETE", "/uploads/{upload_id}"): Call(),
    ("GET", "/receipts/{receipt_id}"): Call(),
    ("GET", "/photos"): Call(params={**AT, "region": TPS}),
    ("GET", "/photos/{photo_id}"): Call(),
    ("GET", "/photos/{photo_id}/history"): Call(),
    ("GET", "/photos/{photo_id}/view"): Call(),
    ("GET", "/photos/{photo_id}/numbers/{field}/crop"): Call(),
    ("GET", "/photos/{photo_id}/original"): Call(),
    ("POST", "/photos/{photo_id}/move"): Call({"page": 2, **WHY}, headers=VERSION),
    ("POST", "/photos/{photo_id}/withdraw"): Call(WHY, headers=VERSION),
    ("POST", "/photos/{photo_id}/restore"): Call(WHY, headers=VERSION),
    ("GET", "/photos/{photo_id}/events"): Call(endless=True),
    ("GET", "/events"): Call(params={"tps": TPS}, endless=True),
    ("GET", "/alarms"): Call(params={"region": KECAMATAN}),
    ("POST", "/alarms/{alarm_id}/clear"): Call(WHY),
    ("GET", "/stations/{tps}"): Call(params=AT),
    ("GET", "/stations/{tps}/numbers/{field}"): Call(params=AT),
    ("POST", "/stations/{tps}/state"): Call(NUMBER, AT, VERSION),
    ("POST", "/stations/{tps}/confirm"): Call(NUMBER, AT, VERSION),
    ("POST", "/stations/{tps}/confirm-many"): Call({"numbers": [NUMBER]}, AT, VERSION),
    ("POST", "/stations/{tps}/change"): Call(NUMBER, AT, VERSION),
    ("GET", "/recap/{election_id}/{region}"): Call(),
    ("GET", "/recap/{election_id}/{region}/stations"): Call(),
    ("GET", "/pleno/{election_id}/{kecamatan}"): Call(),
    ("POST", "/pleno/{election_id}/{kecamatan}/open"): Call(),
    ("POST", "/pleno/{election_id}/{kecamatan}/finalise"): Call({}, headers=VERSION),
    ("POST", "/pleno/{election_id}/{kecamatan}/reopen"): Call(WHY, headers=VERSION),
    ("POST", "/batches/preview"): Call(FILTER),
    ("POST", "/batches"): Call(FILTER),
    ("GET", "/batches/{batch_id}"): Call(),
    ("POST", "/batches/{batch_id}/pause"): Call(),
    ("POST", "/batches/{batch_id}/resume"): Call(),
    ("POST", "/batches/{batch_id}/cancel"): Call(),
    ("GET", "/batches/{batch_id}/changes"): Call(),
    ("GET", "/batches/{batch_id}/report"): Call(),
    ("GET", "/audit/{chain}"): Call(),
    ("GET", "/audit/{chain}/verify"): Call(),
    ("GET", "/audit/{chain}/export"): Call(),
}

OUT_OF_REACH = {"foreign_region", "not_found", "bad_rows"}
"""What a caller from elsewhere is told; ``bad_rows`` names the row whose region is foreign."""


def out_of_reach(code: str) -> bool:
    return code in OUT_OF_REACH or code.startswith("unknown_")


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services), headers={"Tus-Resumable": "1.0.0"}) as made:
        yield made


@pytest.fixture
def ids(services: Services) -> dict[str, str]:
    """Things of one station, sent by somebody who is not asked here."""
    small_country(services)
    open_election(services)
    sender = make_account(services, Role.KPPS, TPS)
    now = services.now()
    photo = add_photo(services, ELECTION, TPS, sender, sha256="cd" * 32)
    alarm = Alarm(id=new_id(), key="k", kind="same_photo", election_id=ELECTION, tps=TPS, details={}, raised_at=now)
    upload = Upload(
        id=new_id(),
        account_id=sender,
        election_id=ELECTION,
        tps=TPS,
        size_bytes=3,
        details={},
        state="open",
        created_at=now,
        expires_at=now + timedelta(days=1),
    )
    batch = Batch(
        id=new_id(),
        scope=KECAMATAN,
        filter={"failed": True},
        reader_rev="r",
        state="running",
        per_minute=1,
        total=0,
        created_by=sender,
        created_at=now,
    )
    receipt = Receipt(id=new_id(), photo_id=photo, account_id=sender, received_at=now, body="{}", signature="x")
    with services.store.write() as session:
        session.add_all([alarm, upload, batch, receipt])
    return {
        "photo_id": photo,
        "alarm_id": alarm.id,
        "upload_id": upload.id,
        "batch_id": batch.id,
        "receipt_id": receipt.id,
        "user_id": sender,
        "code": KECAMATAN,
        "region": KECAMATAN,
        "kecamatan": KECAMATAN,
        "chain": KECAMATAN,
        "tps": TPS,
        "election_id": ELECTION,
        "field": "paslon_1",
    }


def code_of(client: TestClient, key: tuple[str, str], ids: dict[str, str], headers: Mapping[str, str]) -> str:
    method, path = key
    call = CALLS[key]
    answer = client.request(
        method,
        path.format(**{**ids, **call.path}),
        params=dict(call.params),
        headers={**headers, **call.headers},
        json=call.json,
        content=call.content,
        files=call.files,
    )
    if answer.status_code < 400:
        return "ok"
    if not answer.content:  # HEAD
        return {403: "foreign_region", 404: "not_found"}.get(answer.status_code, str(answer.status_code))
    return str(answer.json()["code"])


def test_every_route_is_here_or_says_why_not() -> None:
    without = {
        (method, path)
        for method, path in TABLE
        if any(path == start if start == "/batches" else path.startswith(start) for start in NO_REGION)
    } - set(CALLS)
    public = {key for key, action in TABLE.items() if action is None}

    assert set(CALLS) | without | public == set(TABLE)
    assert set(CALLS) <= set(TABLE)
    assert {role for role in Role if role not in ELSEWHERE} == {role for role, scope in SCOPES.items() if scope == ""}


@pytest.mark.parametrize("role", ELSEWHERE)
def test_from_elsewhere_everything_is_out_of_reach(
    client: TestClient, services: Services, ids: dict[str, str], role: Role
) -> None:
    headers = bearer(token_for(services, make_account(services, role, ELSEWHERE[role])))

    answers = {key: code_of(client, key, ids, headers) for key in CALLS if TABLE[key] in GRANTS[role]}

    assert answers
    assert {key: code for key, code in answers.items() if not out_of_reach(code)} == {}


def test_at_home_the_same_calls_are_within_reach(client: TestClient, services: Services, ids: dict[str, str]) -> None:
    """Else the test above would pass with calls that nobody could make."""
    foreign = {}
    for key, call in CALLS.items():
        if call.endless:
            continue
        able = [role for role in ELSEWHERE if TABLE[key] in GRANTS[role]]
        role = next((role for role in able if SCOPES[role] == KECAMATAN), able[0])
        own = key[1].startswith(("/uploads/", "/receipts/"))
        account = ids["user_id"] if own else make_account(services, role, SCOPES[role])
        code = code_of(client, key, ids, bearer(token_for(services, account)))
        if out_of_reach(code) or code in {"forbidden", "invalid_fields", "bad_request", "internal"}:
            foreign[key] = code

    assert foreign == {}
