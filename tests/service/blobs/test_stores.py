"""One suite for both stores: what is promised of a disk is promised of S3 (here moto's server, a stand-in)."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from service.blobs.local import LocalBlobs
from service.blobs.open import open_blobs
from service.blobs.port import BlobStore, original_key, view_key
from service.errors import ServiceError
from service.settings import Settings


@pytest.fixture
def s3_settings(s3_endpoint: str, s3_bucket: str, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", blob_url=f"s3://{s3_bucket}/photos", s3_endpoint=s3_endpoint)


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "local":
        return open_blobs(Settings(data_dir=tmp_path / "data"))
    settings: Settings = request.getfixturevalue("s3_settings")
    return open_blobs(settings)


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[[bytes], Path]:
    def make(data: bytes) -> Path:
        path = tmp_path / f"given-{os.urandom(4).hex()}"
        path.write_bytes(data)
        return path

    return make


def key_of(data: bytes) -> str:
    return original_key(hashlib.sha256(data).hexdigest())


def test_what_was_stored_comes_back(blobs: BlobStore, make_file: Callable[[bytes], Path], tmp_path: Path) -> None:
    data = os.urandom(300_000)
    key = key_of(data)
    assert not blobs.exists(key)
    blobs.put_file(key, make_file(data))
    assert blobs.exists(key)
    assert blobs.size(key) == len(data)
    assert blobs.get(key) == data
    assert blobs.local_path(key, tmp_path).read_bytes() == data


def test_a_large_file_is_stored_whole(blobs: BlobStore, make_file: Callable[[bytes], Path]) -> None:
    data = os.urandom(1_000_000) * 12  # S3 takes it in parts
    blobs.put_file(key_of(data), make_file(data))
    assert hashlib.sha256(blobs.get(key_of(data))).digest() == hashlib.sha256(data).digest()


def test_storing_again_changes_nothing(blobs: BlobStore, make_file: Callable[[bytes], Path]) -> None:
    data = b"the first"
    blobs.put_file(key_of(data), make_file(data))
    blobs.put_file(key_of(data), make_file(data))
    assert blobs.get(key_of(data)) == data
    assert list(blobs.keys("originals/")) == [key_of(data)]


def test_many_threads_store_the_same_photo(blobs: BlobStore, make_file: Callable[[bytes], Path]) -> None:
    data = os.urandom(50_000)
    paths = [make_file(data) for _ in range(8)]
    failures: list[BaseException] = []

    def store(path: Path) -> None:
        try:
            blobs.put_file(key_of(data), path)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=store, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert blobs.get(key_of(data)) == data


def test_a_view_is_replaced(blobs: BlobStore) -> None:
    key = view_key("01", 0)
    blobs.put_bytes(key, b"old")
    blobs.put_bytes(key, b"new")
    assert blobs.get(key) == b"new"
    assert list(blobs.keys("views/")) == [key]


def test_keys_below_a_prefix_only(blobs: BlobStore) -> None:
    for key in ("originals/aa1", "originals/ab2", "views/aa3.jpg"):
        blobs.put_bytes(key, b"x")
    assert sorted(blobs.keys("originals/")) == ["originals/aa1", "originals/ab2"]
    assert list(blobs.keys("originals/aa")) == ["originals/aa1"]
    assert sorted(blobs.keys("")) == ["originals/aa1", "originals/ab2", "views/aa3.jpg"]


def test_a_missing_key_says_so(blobs: BlobStore, tmp_path: Path) -> None:
    asked: list[Callable[[], object]] = [
        lambda: blobs.get("originals/none"),
        lambda: blobs.size("originals/none"),
        lambda: blobs.local_path("originals/none", tmp_path),
    ]
    for ask in asked:
        with pytest.raises(ServiceError, match="blob_missing"):
            ask()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("blob-")], "a half copy was left"


def test_erased_is_gone_and_erasing_twice_is_no_error(blobs: BlobStore) -> None:
    blobs.put_bytes("originals/abc", b"x")
    blobs.delete("originals/abc")
    blobs.delete("originals/abc")
    assert not blobs.exists("originals/abc")


def test_a_store_that_works_says_so(blobs: BlobStore) -> None:
    blobs.check()
    free_bytes = blobs.free_bytes()
    assert free_bytes is None or free_bytes > 0


@pytest.mark.parametrize("key", ["../x", "originals/../../x", "/etc/passwd", "originals/", "originals/.hidden", ""])
def test_nothing_outside_the_folder_has_a_key(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        LocalBlobs(tmp_path).put_bytes(key, b"x")


def fail_with(code: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def test_a_full_disk_is_told_and_leaves_no_half_file(
    tmp_path: Path, make_file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    path = make_file(b"photo")
    with monkeypatch.context() as patch:
        patch.setattr("service.blobs.local.os.fsync", fail_with(errno.ENOSPC))
        with pytest.raises(ServiceError, match="disk_full") as caught:
            blobs.put_file("originals/abc", path)
        with pytest.raises(ServiceError, match="disk_full"):
            blobs.put_bytes("views/abc.jpg", b"photo")
    assert caught.value.status == 507
    assert not list(blobs.keys(""))
    blobs.put_file("originals/abc", path)  # when there is room again, the same call succeeds
    assert blobs.get("originals/abc") == b"photo"


def test_a_disk_without_links_gets_a_copy(
    tmp_path: Path, make_file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    monkeypatch.setattr("service.blobs.local.os.link", fail_with(errno.EXDEV))
    blobs.put_file("originals/abc", make_file(b"photo"))
    assert blobs.get("originals/abc") == b"photo"
    assert list(blobs.keys("")) == ["originals/abc"]


def test_bytes_are_synced_before_their_name_appears_and_the_folder_after(
    tmp_path: Path, make_file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    blobs.put_bytes("originals/abz", b"makes the folder")
    path = make_file(b"photo")
    steps: list[str] = []
    real_sync, real_link = os.fsync, os.link

    def sync(descriptor: int) -> None:
        steps.append("sync " + str(Path(f"/proc/self/fd/{descriptor}").readlink().name))
        real_sync(descriptor)

    def link(source: Path, target: Path) -> None:
        steps.append("link")
        real_link(source, target)

    monkeypatch.setattr("service.blobs.local.os.fsync", sync)
    monkeypatch.setattr("service.blobs.local.os.link", link)
    blobs.put_file("originals/abc", path)
    assert steps == [f"sync {path.name}", "link", "sync ab"]


def test_a_store_that_is_away_says_so(s3_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.blobs.s3._RETRIES", 0)
    away = open_blobs(s3_settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"}))
    asked: list[Callable[[], object]] = [
        lambda: away.put_bytes("views/a.jpg", b"x"),
        lambda: away.get("originals/a"),
        lambda: away.exists("originals/a"),
        lambda: list(away.keys("")),
        away.check,
    ]
    for ask in asked:
        with pytest.raises(ServiceError, match="storage_away") as caught:
            ask()
        assert caught.value.retry_after_s


def test_a_bucket_that_is_not_there_is_not_a_missing_photo(s3_settings: Settings) -> None:
    wrong = open_blobs(s3_settings.model_copy(update={"blob_url": "s3://no-such-bucket/x"}))
    with pytest.raises(ServiceError, match="storage_away"):
        wrong.put_bytes("views/a.jpg", b"x")


@pytest.mark.parametrize("url", ["http://x/y", "s3:///x", "file://host/x", "nonsense"])
def test_an_address_that_is_no_store_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ServiceError, match="bad_settings"):
        open_blobs(Settings(data_dir=tmp_path, blob_url=url))
