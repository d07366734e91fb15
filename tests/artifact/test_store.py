"""The store: numbered versions, each put once; races lose nothing; what is not there is 66, what is broken 65."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest
from obstore.exceptions import (
    AlreadyExistsError,
    GenericError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

import sparkscale as ss
from sparkscale.artifact import clients, document, envelope, objects, store
from sparkscale.errors import (
    AccessError,
    ConfigError,
    DataError,
    InputMissingError,
    OutputError,
    StorageError,
    TemporaryError,
)
from sparkscale.pipeline.fitted import Fitted


def fitted(number: float) -> Fitted:
    """Return artifacts that differ by their number."""
    return ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": np.array([0.0, number])})


def test_save_next_version_and_load_newest(tmp_path: Path) -> None:
    uri = str(tmp_path / "deep" / "store")
    assert store.versions(uri := str(tmp_path)) == []
    assert [fitted(n).save(uri) for n in (1, 2, 3)] == [1, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000001.json", "00000002.json", "00000003.json"]
    assert ss.load(uri) == fitted(3)
    assert ss.load(uri, version=2) == fitted(2)
    assert store.resolve(uri) == 3


def test_save_into_folders_that_are_not_there(tmp_path: Path) -> None:
    assert fitted(1).save(str(tmp_path / "a" / "b")) == 1
    assert ss.load(f"file://{tmp_path}/a/b") == ss.load(str(tmp_path / "a" / "b/")) == fitted(1)


def test_save_same_content_once(tmp_path: Path) -> None:
    assert [fitted(n).save(str(tmp_path)) for n in (1, 1, 2, 1)] == [1, 1, 2, 3]


def test_load_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted(1).save(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert ss.load("00000001.json") == ss.load(str(tmp_path / "00000001.json")) == fitted(1)


def test_load_folder_that_is_named_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [fitted(n).save("st.json") for n in (1, 2)] == [1, 2]
    assert (tmp_path / "st.json" / "00000001.json").is_file()
    for uri in ("st.json", "st.json/", str(tmp_path / "st.json"), f"file://{tmp_path}/st.json"):
        assert (ss.load(uri), ss.load(uri, version=1), store.versions(uri)) == (fitted(2), fitted(1), [1, 2])
    assert ss.load("st.json/00000001.json") == fitted(1)


def test_tell_folder_from_file_in_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket knows no folders: a listing below what is none is empty."""
    fitted(1).save(tmp_path / "st.json")
    (tmp_path / "one.json").write_bytes(document.dump(fitted(2)))
    (tmp_path / "nothing").mkdir()

    def prefixed(url: str) -> LocalStore:
        below = tmp_path / url.removeprefix("s3://b").strip("/")
        return LocalStore(below if below.is_dir() else tmp_path / "nothing")

    monkeypatch.setattr(clients, "from_url", prefixed)
    assert ss.load("s3://b/st.json") == ss.load("s3://b/st.json/00000001.json") == fitted(1)
    assert ss.load("s3://b/one.json") == fitted(2)


@pytest.mark.parametrize("prefix", ["file:", "file://", "FILE:", "File://"])
def test_open_local_uri_of_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"{prefix}{tmp_path}/deep/store"
    assert fitted(1).save(uri) == 1
    assert ss.load(uri) == ss.load(tmp_path / "deep" / "store") == fitted(1)
    assert ss.load(f"{uri}/00000001.json") == fitted(1)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


@pytest.mark.parametrize("uri", ["s3:/b/x", "http:/x", "run:1"])
def test_refuse_half_a_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"expected a path or a URI, found '{uri}'; write ./ before") as caught:
        fitted(1).save(uri)
    assert (caught.value.code, caught.value.exit_code) == ("STORE_SCHEME", 78)
    assert not list(tmp_path.iterdir())
    assert fitted(1).save(f"./{uri}") == 1


def test_take_paths(tmp_path: Path) -> None:
    place = tmp_path / "store"
    assert [fitted(1).save(place), fitted(2).save(str(place))] == [1, 2]
    assert ss.load(place) == ss.load(place / "00000002.json") == fitted(2)
    assert (store.versions(place), store.resolve(place)) == ([1, 2], 2)


@pytest.mark.parametrize("uri", [5, None, b"stats", "", ["stats"]])
def test_refuse_what_is_no_path(uri: Any) -> None:
    for use in (fitted(1).save, ss.load, store.versions, store.resolve):
        with pytest.raises(ConfigError, match="artifact: expected a path or URI, found ") as caught:
            use(uri)
        assert (caught.value.code, caught.value.exit_code) == ("CONFIG_VALUE", 78)


def test_count_on_beyond_eight_digits(tmp_path: Path) -> None:
    (tmp_path / "99999999.json").write_bytes(document.dump(fitted(1)))
    uri = str(tmp_path)
    assert [fitted(n).save(uri) for n in (2, 2, 3)] == [100_000_000, 100_000_000, 100_000_001]
    assert store.versions(uri) == [99_999_999, 100_000_000, 100_000_001]
    assert (ss.load(uri), ss.load(uri, version=100_000_000)) == (fitted(3), fitted(2))


def test_ignore_other_files(tmp_path: Path) -> None:
    fitted(1).save(str(tmp_path))
    for name in ("2.json", "00000009.json.tmp", "README", "000000010.json", "0100000000.json"):
        (tmp_path / name).write_text("x")
    (tmp_path / "00000008.json").mkdir()
    assert store.versions(str(tmp_path)) == [1]
    assert fitted(2).save(str(tmp_path)) == 2


@pytest.mark.parametrize(
    ("uri", "version"), [("none", None), ("empty", None), ("store", 2), ("store", 0), ("x.json", None)]
)
def test_miss_what_is_not_there(tmp_path: Path, uri: str, version: int | None) -> None:
    (tmp_path / "empty").mkdir()
    fitted(1).save(str(tmp_path / "store"))
    with pytest.raises(InputMissingError) as caught:
        ss.load(str(tmp_path / uri), version=version)
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_MISSING", 66)
    assert not (tmp_path / "none").exists()


def test_refuse_broken_version(tmp_path: Path) -> None:
    fitted(1).save(str(tmp_path))
    (tmp_path / "00000002.json").write_bytes(b"")
    with pytest.raises(DataError, match=r"00000002\.json: expected a JSON artifact") as caught:
        ss.load(str(tmp_path))
    assert caught.value.exit_code == 65
    assert ss.load(str(tmp_path), version=1) == fitted(1)
    assert fitted(3).save(str(tmp_path)) == 3  # a broken version stays, and is in nobody's way


def test_read_no_more_than_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "MAX_BYTES", 100)
    (tmp_path / "00000001.json").write_bytes(b"[" * 5000)
    with pytest.raises(DataError, match="expected at most 100 bytes, found 101"):
        ss.load(str(tmp_path))


@pytest.mark.parametrize("uri", ["ftp://host/x", "http://host/x", "javascript://x"])
def test_refuse_scheme(uri: str) -> None:
    with pytest.raises(ConfigError, match="expected a path or a URI, found '"):
        fitted(1).save(uri)


def test_refuse_store_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError) as caught:
        fitted(1).save(str(tmp_path / "file" / "store"))
    assert (caught.value.code, caught.value.exit_code) == ("STORE_FAILED", 73)


def test_name_storage_that_fails(tmp_path: Path) -> None:
    (tmp_path / "00000001.json").symlink_to("00000001.json")  # neither missing nor forbidden, even to root
    uri = str(tmp_path)
    reads: list[Callable[[], Any]] = [
        lambda: ss.load(uri), lambda: ss.load(f"{uri}/00000001.json"), lambda: store.versions(uri)]  # fmt: skip
    for read in reads:
        with pytest.raises(StorageError, match=r"^artifact store /.*: .*Too many levels of symbolic links") as caught:
            read()
        assert (caught.value.code, caught.value.exit_code) == ("STORE_FAILED", 74)
        assert "\n" not in caught.value.cause
    with pytest.raises(OutputError) as refused:
        fitted(1).save(uri)
    assert (refused.value.code, refused.value.exit_code) == ("STORE_FAILED", 73)


@pytest.mark.parametrize(("error", "reading", "writing"), [
    (PermissionDeniedError("no"), AccessError, AccessError),
    (UnauthenticatedError("who"), AccessError, AccessError),
    (PermissionError("no"), AccessError, AccessError),
    (NotFoundError("none"), InputMissingError, OutputError),
    (FileNotFoundError("none"), InputMissingError, OutputError),
    (GenericError("No space left on device (os error 28)"), StorageError, StorageError),
    (GenericError("broken\n\nDebug source:"), StorageError, OutputError),
    (OSError(), StorageError, OutputError),
])  # fmt: skip
def test_name_errors_of_store(error: Exception, reading: type[Exception], writing: type[Exception]) -> None:
    read, write = store._failure(error, "s3://b/x"), store._failure(error, "s3://b/x", writing=True)
    assert (type(read), type(write)) == (reading, writing)
    assert (read.code == "DISK_FULL") == (write.code == "DISK_FULL") == ("No space" in str(error))
    for made in (read, write):
        assert "s3://b/x" in made.cause
        assert "\n" not in made.cause


@pytest.mark.parametrize(("uri", "kind"), [
    ("s3://b/p", S3Store), ("s3a://b/p", S3Store), ("s3n://b/p", S3Store), ("gs://b/p", GCSStore),
    ("az://b/p", AzureStore), ("abfs://b/p", AzureStore), ("abfss://b@account.dfs.core.windows.net/p", AzureStore),
])  # fmt: skip
def test_open_store_by_scheme(monkeypatch: pytest.MonkeyPatch, uri: str, kind: Any) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    opened = clients.opened(uri)
    assert isinstance(opened, kind)
    assert str(opened.prefix) == "p"


def together(work: Callable[[int], int], many: int) -> list[int]:
    """Run at the same moment; return the results, or raise what one of them raised."""
    barrier, results, errors = threading.Barrier(many), [0] * many, []

    def one(index: int) -> None:
        barrier.wait()
        try:
            results[index] = work(index)
        except Exception as error:  # noqa: BLE001 - handed over to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def test_race_for_numbers_and_lose_none(tmp_path: Path) -> None:
    uri = str(tmp_path / "store")
    for lap in range(5):
        numbers = together(lambda index, lap=lap: fitted(1 + lap * 8 + index).save(uri), 8)  # type: ignore[misc]
        for index, number in enumerate(numbers):
            assert ss.load(uri, version=number) == fitted(1 + lap * 8 + index)
    assert store.versions(uri) == list(range(1, 41))


def test_race_with_same_content_ends_in_versions_of_it(tmp_path: Path) -> None:
    numbers = together(lambda _: fitted(1).save(str(tmp_path)), 6)
    assert store.versions(str(tmp_path)) == sorted(set(numbers)) == [1]


def test_end_with_conflict_where_others_keep_winning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*args: Any, **kwargs: Any) -> None:
        raise AlreadyExistsError("taken")

    monkeypatch.setattr(obstore, "put", taken)
    with pytest.raises(TemporaryError) as caught:
        fitted(1).save(str(tmp_path))
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_CONFLICT", 75)


def test_never_replace_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing is old: another run has put the number meanwhile."""
    fitted(1).save(str(tmp_path))
    listings = iter([[], [1]])
    monkeypatch.setattr(objects, "numbers", lambda _: next(listings))
    assert fitted(2).save(str(tmp_path)) == 2
    monkeypatch.undo()
    assert ss.load(str(tmp_path), version=1) == fitted(1)
