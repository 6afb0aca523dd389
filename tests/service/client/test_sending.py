"""Sending over a network that breaks, to servers that answer oddly, from files that change."""

import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from service.access import Role
from service.client import CannotReach, ClientProblem, Patience, Refused, TurusClient, save_receipt, verify_receipt
from service.client.problems import BadReceipt, EmptyFile, FileChanged, WrongAddress
from service.client.wire import Wire
from tests.service.client.stand import Stand, jpeg, write_photo
from tests.service.people import make_account, token_for
from tests.service.uploads.wire import CuttingProxy

QUICK = Patience(patience_s=60, first_s=0.01, longest_s=0.05)
HASTY = Patience(patience_s=0.2, first_s=0.05, longest_s=0.05)
PHOTO_BYTES = 2_000_000


def test_the_client_loads_nothing_of_the_server() -> None:
    code = "import service.client, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = {name.split(".")[0] for name in out.split()}
    assert loaded.isdisjoint({"sqlalchemy", "fastapi", "cv2", "numpy", "onnxruntime", "pydantic", "ocr_pipeline"})
    of_service = {name for name in out.split() if name.startswith("service.") and "client" not in name}
    assert of_service == set()


def test_a_photo_is_sent_and_its_receipt_is_genuine(stand: Stand, tmp_path: Path) -> None:
    data = jpeg(1, 700_000)
    progress: list[tuple[int, int]] = []
    with TurusClient(stand.url, stand.token, patience=QUICK) as client:
        path = write_photo(tmp_path, data)
        receipt = client.send_photo(
            path, stand.election, stand.places.tps[0], 2, on_progress=lambda done, total: progress.append((done, total))
        )
        again = client.send_photo(path, stand.election, stand.places.tps[0], 2)
        photo = client.photo(receipt.photo)
        assert [item.id for item in client.photos(state="received")] == [photo.id]
        assert client.receipt(receipt.id) == receipt
    assert again == receipt
    assert (photo.state, photo.tps, photo.page, photo.is_final) == ("received", stand.places.tps[0], 2, False)
    assert verify_receipt(receipt.raw, receipt.key)
    assert not verify_receipt({**receipt.raw, "tps": stand.places.tps[1]}, receipt.key)
    assert progress[0] == (0, len(data))
    assert progress[-1] == (len(data), len(data))
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    stand.check_kept_once(data)


def test_cuts_cost_little_and_lose_nothing(stand: Stand, tmp_path: Path) -> None:
    data = jpeg(2, PHOTO_BYTES)
    marks = [PHOTO_BYTES * part // 10 for part in range(1, 10)]
    with (
        CuttingProxy(stand.url, marks, lose_answers=1) as proxy,
        TurusClient(proxy.url, stand.token, patience=QUICK) as client,
    ):
        client.send_photo(write_photo(tmp_path, data), stand.election, stand.places.tps[0])
        assert proxy.cuts == len(marks) + 1
        assert proxy.sent_bytes < 1.5 * PHOTO_BYTES
    stand.check_kept_once(data)


def test_another_process_goes_on_where_the_first_was_cut_off(stand: Stand, tmp_path: Path) -> None:
    data = jpeg(3, PHOTO_BYTES)
    path = write_photo(tmp_path, data)
    with (
        CuttingProxy(stand.url, [1_200_000]) as proxy,
        TurusClient(proxy.url, stand.token, patience=Patience(patience_s=0)) as client,
        pytest.raises(CannotReach),
    ):
        client.send_photo(path, stand.election, stand.places.tps[0])
    begun_at: list[int] = []
    with TurusClient(stand.url, stand.token, patience=QUICK) as client:
        client.send_photo(
            path, stand.election, stand.places.tps[0], on_progress=lambda done, _total: begun_at.append(done)
        )
    assert begun_at[0] > 900_000
    stand.check_kept_once(data)


def never(_pause_s: float) -> None:
    pytest.fail("it waited")


def test_refusals_for_good_are_told_at_once(stand: Stand, tmp_path: Path) -> None:
    photo = write_photo(tmp_path, jpeg())
    text = write_photo(tmp_path, b"not a photo at all", "catatan.jpg")
    tps = stand.places.tps[0]
    with TurusClient(stand.url, stand.token, patience=Patience(sleep=never)) as client:
        for path, election, where, code in (
            (photo, stand.election, stand.places.tps[1], "foreign_region"),
            (photo, "no-such-election", tps, "unknown_election"),
            (text, stand.election, tps, "not_a_photo"),
        ):
            with pytest.raises(Refused) as refusal:
                client.send_photo(path, election, where)
            assert refusal.value.code == code
            assert refusal.value.message_id
        with pytest.raises(Refused, match="unknown_page"):
            client.send_photo(photo, stand.election, tps, 9)
    with TurusClient(stand.url, "nonsense") as client, pytest.raises(Refused, match="not_logged_in"):
        client.send_photo(photo, stand.election, tps)


def test_the_same_photo_of_somebody_else_is_sent_again(stand: Stand, tmp_path: Path) -> None:
    """Whether the server has it already must not be told to anybody but its sender."""
    path = write_photo(tmp_path, jpeg(4, 300_000))
    other = token_for(stand.services, make_account(stand.services, Role.PPK_MOBILE, stand.places.kecamatan[0]))
    begun_at: list[int] = []
    with TurusClient(stand.url, stand.token) as client:
        first = client.send_photo(path, stand.election, stand.places.tps[0])
    with TurusClient(stand.url, other) as client:
        second = client.send_photo(
            path, stand.election, stand.places.tps[0], on_progress=lambda done, _total: begun_at.append(done)
        )
    assert begun_at[0] == 0
    assert (first.photo, first.id != second.id) == (second.photo, True)
    assert second.on_behalf


def answering(*answers: httpx2.Response | Exception) -> httpx2.MockTransport:
    """A server that gives these answers in order, the last one for ever."""
    left = list(answers)

    def handle(_request: httpx2.Request) -> httpx2.Response:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx2.MockTransport(handle)


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, headers={"content-type": "text/html"}, text="<h1>Wifi gratis</h1>"),
        httpx2.Response(302, headers={"location": "http://wifi.example/login"}),
        httpx2.ConnectError("no route"),
    ],
)
def test_the_login_page_of_a_public_network_is_no_answer(tmp_path: Path, answer: httpx2.Response | Exception) -> None:
    client = TurusClient("http://turus.example", "t", patience=HASTY, transport=answering(answer))
    with pytest.raises(CannotReach) as problem:
        client.send_photo(write_photo(tmp_path, jpeg()), "e", "1" * 13)
    assert "aman" in problem.value.message_id


def test_a_server_that_moved_to_https_is_named(tmp_path: Path) -> None:
    answer = httpx2.Response(301, headers={"location": "https://turus.example/photos/announce"})
    client = TurusClient("http://turus.example", "t", transport=answering(answer))
    with pytest.raises(WrongAddress, match=r"https://turus\.example"):
        client.send_photo(write_photo(tmp_path, jpeg()), "e", "1" * 13)


def test_a_full_server_is_asked_again_when_it_says(stand: Stand, tmp_path: Path) -> None:
    pauses: list[float] = []
    full = httpx2.Response(
        507, headers={"retry-after": "7"}, json={"code": "disk_full", "message": {"id": "Penuh", "en": "Full"}}
    )
    real = httpx2.HTTPTransport()
    answers = [full, full]

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "PATCH" and answers:
            return answers.pop()
        response = real.handle_request(request)
        response.read()
        return response

    patience = Patience(sleep=pauses.append)
    with TurusClient(stand.url, stand.token, patience=patience, transport=httpx2.MockTransport(handle)) as client:
        client.send_photo(write_photo(tmp_path, jpeg(5)), stand.election, stand.places.tps[0])
    assert len(pauses) == 2
    assert all(7 <= pause < 9 for pause in pauses)
    real.close()


def test_a_forged_receipt_is_found_out(stand: Stand, tmp_path: Path) -> None:
    real = httpx2.HTTPTransport()

    def handle(request: httpx2.Request) -> httpx2.Response:
        response = real.handle_request(request)
        data = response.read()
        if request.url.path.startswith("/receipts/") and not request.url.path.endswith("/key"):
            data = json.dumps({**json.loads(data), "page": 3}).encode()
            return httpx2.Response(200, headers={"content-type": "application/json"}, content=data)
        return response

    path = write_photo(tmp_path, jpeg(6))
    with (
        TurusClient(stand.url, stand.token, transport=httpx2.MockTransport(handle)) as client,
        pytest.raises(BadReceipt),
    ):
        client.send_photo(path, stand.election, stand.places.tps[0])
    with TurusClient(stand.url, stand.token, server_key="A" * 43 + "=") as client, pytest.raises(BadReceipt):
        client.send_photo(path, stand.election, stand.places.tps[0])
    real.close()


def test_a_file_that_changes_is_not_sent_half_and_half(stand: Stand, tmp_path: Path) -> None:
    path = write_photo(tmp_path, jpeg(7, 900_000))
    changed: list[bool] = []

    def change(done: int, _total: int) -> None:
        if done > 300_000 and not changed:
            changed.append(True)
            path.write_bytes(jpeg(8, 900_000))

    with TurusClient(stand.url, stand.token, patience=QUICK) as client, pytest.raises(FileChanged):
        client.send_photo(path, stand.election, stand.places.tps[0], on_progress=change)
    assert stand.photos() == []


def test_an_empty_file_is_not_sent(tmp_path: Path) -> None:
    client = TurusClient("http://turus.example", "t", transport=answering(AssertionError("it asked")))
    with pytest.raises(EmptyFile):
        client.send_photo(write_photo(tmp_path, b""), "e", "1" * 13)


@pytest.mark.parametrize("location", ["/uploads/1?x=2", "https://turus.example/satu/uploads/1?x=2"])
@pytest.mark.parametrize("base", ["https://turus.example/satu/", "https://turus.example/satu"])
def test_addresses_stay_below_the_servers_own(base: str, location: str) -> None:
    asked: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(204)

    Wire(base, "t", HASTY, 1, httpx2.MockTransport(handle)).request("HEAD", location)
    Wire(base, "t", HASTY, 1, httpx2.MockTransport(handle)).request("HEAD", "https://elsewhere.example/uploads/1")
    assert asked == ["https://turus.example/satu/uploads/1?x=2", "https://turus.example/satu/uploads/1"]


def test_receipts_are_kept_beside_their_photo_and_never_overwritten(stand: Stand, tmp_path: Path) -> None:
    path = write_photo(tmp_path, jpeg(9))
    with TurusClient(stand.url, stand.token) as client:
        receipt = client.send_photo(path, stand.election, stand.places.tps[0])
        kept = save_receipt(receipt, path)
        assert kept.name == "foto.jpg.receipt.json"
        assert save_receipt(receipt, path) == kept
        path.write_bytes(jpeg(10))
        other = save_receipt(client.send_photo(path, stand.election, stand.places.tps[0]), path)
    assert other != kept
    assert verify_receipt(json.loads(kept.read_text()), receipt.key)
    assert sorted(file.name for file in tmp_path.glob(".*")) == []


def test_waiting_ends_when_the_photo_is_read_or_time_is_over(stand: Stand, tmp_path: Path) -> None:
    from service.store.photos import Photo

    pauses: list[float] = []

    def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 3:
            with stand.services.store.write() as session:
                photo = session.get_one(Photo, receipt.photo)
                photo.state, photo.failure = "failed", "reader_crashed"

    with TurusClient(stand.url, stand.token, patience=Patience(sleep=sleep)) as client:
        receipt = client.send_photo(write_photo(tmp_path, jpeg(11)), stand.election, stand.places.tps[0])
        assert client.wait_for_photo(receipt.photo, timeout_s=0).state == "received"
        photo = client.wait_for_photo(receipt.photo)
    assert (photo.state, photo.reason, len(pauses)) == ("failed", "reader_crashed", 3)
    assert pauses == sorted(pauses)


def test_every_problem_says_what_to_do_in_both_languages() -> None:
    problems: list[ClientProblem] = [
        CannotReach("x"),
        WrongAddress("https://x"),
        BadReceipt("x"),
        FileChanged(),
        EmptyFile(),
    ]
    assert all(problem.message_id and problem.message_en and problem.code for problem in problems)
