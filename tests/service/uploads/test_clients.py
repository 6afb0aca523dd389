"""Clients written by others, over a real network that breaks."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select
from tusclient.client import TusClient

from service.services import Services
from service.store.photos import Photo, Receipt
from service.uploads.intake import Intake
from service.uploads.receipts import verify_kept
from tests.service.places import ELECTION, Places
from tests.service.uploads.conftest import Officer, make_app, make_photo, sha_of
from tests.service.uploads.wire import CuttingProxy, serving

PHOTO_BYTES = 4_000_000
TENTHS = [PHOTO_BYTES * tenth // 10 for tenth in range(1, 10)]


@pytest.fixture
def server(services: Services, intake: Intake) -> Iterator[str]:
    with serving(make_app(services, intake)) as url:
        yield url


def check_kept_once(services: Services, data: bytes) -> None:
    with services.store.read() as session:
        photo = session.scalars(select(Photo)).one()
        assert session.scalar(select(func.count()).select_from(Receipt)) == 1
    assert photo.sha256 == sha_of(data)
    assert services.blobs.get(f"originals/{photo.sha256}") == data


@pytest.mark.parametrize(("checksum", "harsh"), [(False, False), (True, False), (False, True)])
def test_tuspy_resumes_after_a_cut_at_every_tenth(
    server: str,
    services: Services,
    places: Places,
    kpps: Officer,
    photo_file: Callable[[bytes], Path],
    checksum: bool,
    harsh: bool,
) -> None:
    data = make_photo(7, PHOTO_BYTES)
    metadata = {"election": ELECTION, "tps": places.tps[0], "sha256": sha_of(data), "filename": "../../C1 é.jpg"}
    with CuttingProxy(server, TENTHS, 1, harsh) as proxy, photo_file(data).open("rb") as file:
        uploader = TusClient(f"{proxy.url}/uploads", headers=kpps.headers).uploader(
            file_stream=file, metadata=metadata, retries=50, retry_delay=0, upload_checksum=checksum
        )
        uploader.upload()
        assert proxy.cuts == len(TENTHS) + 1
        assert harsh or proxy.sent_bytes < 1.5 * PHOTO_BYTES, "it began again instead of going on"
    check_kept_once(services, data)
    state = httpx2.get(str(uploader.url).replace(proxy.url, server), timeout=60, headers=kpps.headers).json()
    assert state["state"] == "done"
    assert verify_kept(state["receipt"])


TUS_JS = """
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
const tus = createRequire(process.argv[2] + '/')('tus-js-client')
const [endpoint, path, headers, metadata, chunkSize, together] = JSON.parse(process.argv[3])
const upload = new tus.Upload(readFileSync(path), {
  endpoint, headers, metadata, retryDelays: Array(50).fill(0), chunkSize: chunkSize || Infinity,
  uploadDataDuringCreation: together,
  onError (error) { console.error(String(error)); process.exit(1) },
  onSuccess (payload) {
    console.log(JSON.stringify({ url: upload.url, receipt: payload.lastResponse.getHeader('Turus-Receipt') }))
  },
})
upload.start()
"""


@pytest.fixture(scope="session")
def tus_js(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where tus-js-client is installed for this test run; nothing of it is part of the project."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs node and npm, to try tus-js-client")
    folder = tmp_path_factory.mktemp("tus-js")
    (folder / "package.json").write_text('{"private": true}')
    (folder / "send.mjs").write_text(TUS_JS)
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "tus-js-client@^4.3.1"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        pytest.skip("needs tus-js-client: npm could not fetch it")
    return folder


@pytest.mark.needs_node
@pytest.mark.parametrize(("chunk_bytes", "together"), [(0, False), (0, True), (256 * 1024, False)])
def test_tus_js_client_resumes_after_a_cut_at_every_tenth(
    server: str,
    services: Services,
    places: Places,
    kpps: Officer,
    photo_file: Callable[[bytes], Path],
    tus_js: Path,
    chunk_bytes: int,
    together: bool,
) -> None:
    data = make_photo(8, PHOTO_BYTES)
    metadata = {"election": ELECTION, "tps": places.tps[0], "page": "2", "filename": "C1 é.jpg"}
    if together:
        metadata["sha256"] = sha_of(data)
    with CuttingProxy(server, TENTHS) as proxy:
        order = [f"{proxy.url}/uploads", str(photo_file(data)), kpps.headers, metadata, chunk_bytes, together]
        done = subprocess.run(
            ["node", "send.mjs", str(tus_js), json.dumps(order)],
            cwd=tus_js,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert proxy.cuts == len(TENTHS)
    said = json.loads(done.stdout)
    check_kept_once(services, data)
    receipt = httpx2.get(f"{server}/receipts/{said['receipt']}", timeout=60, headers=kpps.headers).json()
    assert receipt["sha256"] == sha_of(data)
    assert verify_kept(receipt)
