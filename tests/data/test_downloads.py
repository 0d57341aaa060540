"""Corpora are downloaded completely or not at all; a file stands in for the internet."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError

import pytest
import torchaudio
from helpers import corpus_trees as trees
from helpers.corpus_trees import CORPORA, Corpus

from wavenet_ae.data.corpora import LibriSpeechSource, LibriTTSSource
from wavenet_ae.errors import UserError

each_corpus = pytest.mark.parametrize("name", CORPORA)


class Publisher:
    """Stands for the internet: `urls` were asked for; `fail` is raised instead of an answer."""

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self.corpus, self.urls, self.fail = corpus, [], None
        self.archive = folder / corpus.archive
        corpus.build(folder / "origin")
        trees.pack_archive(corpus, folder / "origin", self.archive)

    def download(self, url: str, place: str, hash_prefix: str) -> None:
        self.urls.append(url)
        assert url.endswith(f"/{self.corpus.archive}") and len(hash_prefix) == 64
        if self.fail:
            raise self.fail
        Path(place).write_bytes(self.archive.read_bytes())


@pytest.fixture
def publish(tmp_path, monkeypatch):
    def call(name: str) -> Publisher:
        (tmp_path / "published").mkdir()
        publisher = Publisher(CORPORA[name], tmp_path / "published")
        module = getattr(torchaudio.datasets, name)
        monkeypatch.setattr(module, "download_url_to_file", publisher.download)
        return publisher

    return call


def visible(root: Path) -> set[str]:
    """All files below a root but the lock, which is hidden and empty."""
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {each for each in files if not each.endswith(".lock")}


@each_corpus
def test_a_corpus_is_downloaded_once_and_leaves_nothing_else(name, publish, tmp_path):
    publisher = publish(name)
    source = publisher.corpus.source(str(tmp_path / "new" / "root"), download=True)
    source.prepare()
    assert [each.key for each in source.recordings()] == sorted(publisher.corpus.speakers)
    assert visible(source.above) == visible(tmp_path / "published/origin")
    source.prepare()
    assert len(publisher.urls) == 1


def test_runs_that_start_together_download_once(publish, tmp_path):
    publisher = publish("ljspeech")
    sources = [publisher.corpus.source(str(tmp_path / "root"), download=True) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda source: len(source.recordings()), sources))
    assert found == [6] * 4 and len(publisher.urls) == 1


@each_corpus
@pytest.mark.parametrize(
    "fail",
    [
        URLError("Name or service not known"),
        RuntimeError("invalid hash value"),
        ConnectionResetError("peer"),
        UnicodeDecodeError("utf-8", b"\xff.wav", 0, 1, "invalid start byte"),
    ],
)
def test_a_download_that_fails_says_what_else_would_do(name, fail, publish, tmp_path):
    publisher = publish(name)
    publisher.fail = fail
    source = publisher.corpus.source(str(tmp_path / "root"), download=True)
    with pytest.raises(UserError) as caught:
        source.prepare()
    message = str(caught.value)
    assert message.startswith(f"data.source.download=true: {publisher.corpus.archive} cannot be")
    assert str(fail) in message and str(tmp_path / "root" / publisher.corpus.folder) in message
    assert "Without internet, put the archive there yourself" in message
    assert visible(tmp_path / "root") == set()


@each_corpus
def test_an_extraction_that_was_killed_is_done_again(name, publish, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def extract(*places: str) -> None:
        folder = Path(places[-1]) if len(places) > 1 else Path(places[0]).parent
        path = folder / Path(corpus.folder).relative_to(corpus.archived) / "half.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
        raise Killed

    publisher = publish(name)
    corpus = publisher.corpus
    source = corpus.source(str(tmp_path / "root"), download=True)
    module = getattr(torchaudio.datasets, name)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(module, "_extract_zip" if name == "vctk" else "_extract_tar", extract)
        source.prepare()
    assert any(each.endswith("half.wav") for each in visible(tmp_path / "root"))
    assert not source.root.exists()
    assert [each.key for each in source.recordings()] == sorted(corpus.speakers)
    assert visible(tmp_path / "root") == visible(tmp_path / "published/origin")
    assert len(publisher.urls) == 1  # the archive was complete, so it was kept


@pytest.fixture
def known_by(monkeypatch):
    """Let torchaudio know a corpus's archive by another hash, or by none."""

    def call(name: str, sha256: str | None) -> None:
        module = getattr(torchaudio.datasets, name)
        if name == "ljspeech":
            monkeypatch.setitem(module._RELEASE_CONFIGS["release1"], "checksum", sha256)
            return
        urls = [url for url in module._CHECKSUMS if url.endswith(f"/{CORPORA[name].archive}")]
        assert len(urls) == 1
        monkeypatch.setitem(module._CHECKSUMS, urls[0], sha256)

    return call


@each_corpus
@pytest.mark.parametrize("hashed", [True, False])
def test_an_archive_that_is_there_is_extracted(name, hashed, publish, known_by, tmp_path):
    publisher = publish(name)
    publisher.fail = URLError("no internet")
    content = publisher.archive.read_bytes()
    known_by(name, hashlib.sha256(content).hexdigest() if hashed else None)
    given = tmp_path / "root" / publisher.corpus.archive
    given.parent.mkdir()
    given.write_bytes(content)
    source = publisher.corpus.source(str(tmp_path / "root"), download=True)
    assert [each.key for each in source.recordings()] == sorted(publisher.corpus.speakers)
    assert publisher.urls == [] and given.is_file()


@each_corpus
def test_an_archive_of_another_hash_is_refused(name, publish, tmp_path):
    publisher = publish(name)
    given = tmp_path / "root" / publisher.corpus.archive
    given.parent.mkdir()
    given.write_bytes(publisher.archive.read_bytes())  # whole, but not the published bytes
    found = hashlib.sha256(given.read_bytes()).hexdigest()
    with pytest.raises(UserError, match=f"its SHA-256 is {found}, .*move it away") as caught:
        publisher.corpus.source(str(tmp_path / "root"), download=True).prepare()
    assert f"{given} cannot be extracted" in str(caught.value)
    assert visible(tmp_path / "root") == {publisher.corpus.archive} and publisher.urls == []


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def refused(name: str, root: Path, pack: Callable[[Path], None]) -> str:
    given = root / "root" / CORPORA[name].archive
    given.parent.mkdir()
    pack(given)
    with pytest.raises(UserError, match=r"cannot be extracted.*move it away") as caught:
        CORPORA[name].source(str(given.parent), download=True).prepare()
    assert str(given) in str(caught.value)
    assert visible(root) == {f"root/{given.name}"}  # nothing beside the root either
    return str(caught.value)


@pytest.mark.parametrize("name", ["librispeech", "ljspeech", "speechcommands"])
@pytest.mark.parametrize(
    "outside", ["../../outside", "LibriSpeech/../../../outside", "{root}/outside"]
)
def test_a_tar_that_leaves_the_root_is_refused(name, outside, known_by, tmp_path):
    known_by(name, None)
    outside = outside.format(root=tmp_path)

    def pack(place: Path) -> None:
        with tarfile.open(place, f"w:{place.suffix[1:]}") as archive:
            archive.addfile(member(outside))

    assert f"{outside!r} would be extracted outside" in refused(name, tmp_path, pack)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_tar_with_links_is_refused(kind, known_by, tmp_path):
    known_by("librispeech", None)

    def pack(place: Path) -> None:
        with tarfile.open(place, "w:gz") as archive:
            archive.addfile(member("LibriSpeech", kind, str(tmp_path)))
            archive.addfile(member("LibriSpeech/outside"))

    message = refused("librispeech", tmp_path, pack)
    assert "'LibriSpeech' is neither a file nor a folder" in message


@pytest.mark.parametrize("outside", ["../../outside", "txt/../../../outside", "/outside"])
def test_a_zip_that_leaves_the_root_is_refused(outside, known_by, tmp_path):
    known_by("vctk", None)

    def pack(place: Path) -> None:
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr(outside, b"")

    assert f"{outside!r} would be extracted outside" in refused("vctk", tmp_path, pack)


@each_corpus
@pytest.mark.parametrize("checked", [True, False])
def test_an_archive_that_is_cut_short_is_no_corpus(name, checked, publish, known_by, tmp_path):
    publisher = publish(name)
    whole = publisher.archive.read_bytes()
    given = tmp_path / "root" / publisher.corpus.archive
    given.parent.mkdir()
    given.write_bytes(whole[: len(whole) // 2])
    if not checked:  # so that it reaches torchaudio
        known_by(name, hashlib.sha256(given.read_bytes()).hexdigest())
    source = publisher.corpus.source(str(tmp_path / "root"), download=True)
    with pytest.raises(UserError, match=r"cannot be extracted.*move it away") as caught:
        source.prepare()
    assert str(given) in str(caught.value)
    assert visible(tmp_path / "root") == {publisher.corpus.archive}
    given.unlink()
    assert len(source.recordings()) == len(publisher.corpus.speakers)
    assert len(publisher.urls) == 1


def test_another_archive_of_that_name_is_no_corpus(publish, known_by, tmp_path):
    """LibriTTS names its archives as LibriSpeech does."""
    publisher = publish("libritts")
    known_by("libritts", None)
    trees.librispeech(tmp_path / "other")
    (tmp_path / "root").mkdir()
    with tarfile.open(tmp_path / "root" / publisher.corpus.archive, "w:gz") as archive:
        archive.add(tmp_path / "other", ".")
    with pytest.raises(UserError, match=r"cannot be extracted to LibriTTS/train-clean-100"):
        LibriTTSSource(str(tmp_path / "root"), download=True).prepare()
    assert visible(tmp_path / "root") == {publisher.corpus.archive}


def test_a_root_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        UserError, match=r"download=true: .*cannot be.*/file \((NotADir|FileExists)"
    ):
        LibriSpeechSource(str(tmp_path / "file"), download=True).prepare()
