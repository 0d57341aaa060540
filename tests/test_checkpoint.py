"""Checkpoint files: whole or not at all, checked, and plain."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import zipfile

import pytest
import torch
from helpers.full_disk import files_limited_to

from wavenet_ae.checkpoint import (
    FORMAT,
    DamagedCheckpoint,
    is_linked,
    link_checkpoint,
    newest_checkpoint,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder
from wavenet_ae.tensors import digest_of_tensors


def content(step: int = 1, **section) -> dict:
    ours = {"format": FORMAT, "config": {}, "speakers": ["a"], **section}
    return {"global_step": step, "state_dict": {"w": torch.arange(1000)}, "wavenet_ae": ours}


def test_what_is_written_is_read(tmp_path):
    path = RunFolder(tmp_path).step_checkpoint(7)
    write_checkpoint(content(7), path)
    assert read_checkpoint(path)["global_step"] == 7
    assert torch.equal(read_checkpoint(path)["state_dict"]["w"], torch.arange(1000))
    digest, name = path.with_name(f"{path.name}.sha256").read_text().split()
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest() and name == path.name
    assert not list(path.parent.glob(".*")), "no temporary file is left"


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_damage_is_found(tmp_path, damage):
    path = RunFolder(tmp_path).step_checkpoint(1)
    write_checkpoint(content(), path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    damaged = {"flipped": bytes(data), "cut": bytes(data[:-100]), "empty": b""}[damage]
    path.write_bytes(damaged)
    with pytest.raises(UserError, match="damaged"):
        read_checkpoint(path)
    if damage != "flipped":  # without a checksum torch itself finds what is missing
        path.with_name(path.name + ".sha256").unlink()
        with pytest.raises(UserError, match="damaged"):
            read_checkpoint(path)


def alone(folder, checkpoint):
    """A checkpoint that was copied without its checksum."""
    path = folder / "alone.ckpt"
    write_checkpoint(checkpoint, path)
    path.with_name(path.name + ".sha256").unlink()
    return path


def test_a_flipped_bit_is_found_without_a_checksum_beside_it(tmp_path):
    path = alone(tmp_path, content())
    whole = path.read_bytes()
    for place in (whole.index(torch.arange(1000).numpy().tobytes()) + 801, whole.index(b"speaker")):
        data = bytearray(whole)
        data[place] ^= 1
        path.write_bytes(data)
        with pytest.raises(DamagedCheckpoint, match=r"the CRC-32 of .*/data"):
            read_checkpoint(path)


def test_no_flipped_bit_changes_what_is_read(tmp_path):
    path = alone(tmp_path, content())
    whole, expected = path.read_bytes(), read_checkpoint(path)
    for place in range(0, len(whole), 13):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        try:
            found = read_checkpoint(path)
        except UserError:
            continue
        assert found["wavenet_ae"] == expected["wavenet_ae"]  # the bit was one of padding
        assert torch.equal(found["state_dict"]["w"], expected["state_dict"]["w"])


def test_tensors_are_compared_with_the_digest_in_the_file(tmp_path):
    """A file written again with other weights has records with the right CRC-32s."""
    path = alone(tmp_path, content())
    loaded = torch.load(path, weights_only=True)
    loaded["state_dict"]["w"][7] = 0
    torch.save(loaded, path)
    with pytest.raises(DamagedCheckpoint, match="the SHA-256 of its tensors is another"):
        read_checkpoint(path)


def test_a_checkpoint_with_no_digest_at_all_is_warned_about(tmp_path, caplog):
    path = alone(tmp_path, content())
    read_checkpoint(path)
    assert not caplog.text
    torch.save(content(), path)  # as earlier versions wrote them
    read_checkpoint(path)
    assert "cannot be checked: there is no alone.ckpt.sha256, nor a digest in it" in caplog.text


def test_a_digest_covers_all_tensors_wherever_they_are():
    tensor = torch.arange(4, dtype=torch.bfloat16)
    nested = {"a": [{"b": (tensor, 3)}], "c": torch.tensor(1.5), "d": torch.zeros(2, 0)}
    digests = {digest_of_tensors(nested)}
    digests.add(digest_of_tensors({**nested, "c": torch.tensor(2.5)}))
    digests.add(digest_of_tensors({**nested, "a": [{"b": (tensor + 1, 3)}]}))
    digests.add(digest_of_tensors({**nested, "a": [{"e": (tensor, 3)}]}))
    digests.add(digest_of_tensors({**nested, "d": torch.zeros(3, 0)}))
    assert len(digests) == 5


def test_newest_sound_checkpoint_is_found(tmp_path, caplog):
    assert newest_checkpoint(RunFolder(tmp_path)) is None
    for step in (5, 40, 300):
        write_checkpoint(content(step), RunFolder(tmp_path).step_checkpoint(step))
    RunFolder(tmp_path).step_checkpoint(300).write_bytes(b"nonsense")
    path, checkpoint = newest_checkpoint(RunFolder(tmp_path))
    assert path == RunFolder(tmp_path).step_checkpoint(40) and checkpoint["global_step"] == 40
    assert "step-00000300.ckpt is damaged" in caplog.text


@pytest.mark.parametrize("where", ["weight", "moment"])
def test_no_run_trains_on_from_values_that_are_not_finite(tmp_path, caplog, where):
    for step, value in ((5, 1.0), (40, float("nan"))):
        checkpoint = content(step)
        moments = {"state": {0: {"exp_avg": torch.tensor(value if where == "moment" else 1.0)}}}
        checkpoint["state_dict"]["w"] = torch.tensor(value if where == "weight" else 1.0)
        write_checkpoint(
            checkpoint | {"optimizer_states": [moments]}, RunFolder(tmp_path).step_checkpoint(step)
        )
    path, _ = newest_checkpoint(RunFolder(tmp_path))
    assert path == RunFolder(tmp_path).step_checkpoint(5)
    name = {"weight": "state_dict/w", "moment": "optimizer_states/0/state/0/exp_avg"}[where]
    assert f"step-00000040.ckpt is damaged: {name} is NaN or infinite" in caplog.text


def test_checkpoints_that_cannot_be_read_are_no_new_RunFolder(tmp_path):
    write_checkpoint(content(5), RunFolder(tmp_path).step_checkpoint(5))
    write_checkpoint(content(9, format=FORMAT + 1), RunFolder(tmp_path).step_checkpoint(9))
    with pytest.raises(UserError, match="newer than this"):
        newest_checkpoint(RunFolder(tmp_path))
    remove_checkpoint(RunFolder(tmp_path).step_checkpoint(9))
    RunFolder(tmp_path).step_checkpoint(5).write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"all checkpoints in .* are damaged"):
        newest_checkpoint(RunFolder(tmp_path))


class Runs:
    def __reduce__(self):
        return os.system, ("touch /tmp/should-not-exist",)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "evil.ckpt"
    torch.save({"wavenet_ae": {"format": FORMAT}, "payload": Runs()}, path)
    with pytest.raises(UserError, match="refused"):
        read_checkpoint(path)


@pytest.mark.parametrize("found, word", [(FORMAT + 1, "newer"), (0, "older"), (None, "older")])
def test_other_formats_name_the_way_out(tmp_path, found, word):
    path = tmp_path / "x.ckpt"
    write_checkpoint(content(format=found), path)
    with pytest.raises(UserError, match=f"{word} than this"):
        read_checkpoint(path)


def test_other_files_are_named(tmp_path):
    path = tmp_path / "x.ckpt"
    write_checkpoint({"state_dict": {}}, path)
    with pytest.raises(UserError, match="not a checkpoint of wavenet_ae"):
        read_checkpoint(path)
    with pytest.raises(UserError, match="there is no checkpoint"):
        read_checkpoint(tmp_path / "none.ckpt")


def test_a_checkpoint_stays_readable_when_one_of_two_names_is_removed(tmp_path):
    path = RunFolder(tmp_path).step_checkpoint(3)
    write_checkpoint(content(3), path)
    best = RunFolder(tmp_path).best_checkpoint
    link_checkpoint(path, best)
    remove_checkpoint(path)
    assert RunFolder(tmp_path).step_checkpoints() == []
    assert read_checkpoint(best)["global_step"] == 3
    assert sorted(each.name for each in best.parent.iterdir()) == ["best.ckpt", "best.ckpt.sha256"]


def test_a_link_that_a_crash_cut_short_is_no_link(tmp_path):
    run = RunFolder(tmp_path)
    path, best = run.step_checkpoint(3), run.best_checkpoint
    write_checkpoint(content(3), path)
    assert not is_linked(path, best)
    link_checkpoint(path, best)
    assert is_linked(path, best)
    best.with_name("best.ckpt.sha256").unlink()
    assert not is_linked(path, best), "the checksum is written last"
    write_checkpoint(content(4), best)
    assert not is_linked(path, best), "it is another checkpoint"


def test_a_checkpoint_that_a_crash_left_without_a_checksum_can_be_linked(tmp_path):
    path, best = RunFolder(tmp_path).step_checkpoint(3), RunFolder(tmp_path).best_checkpoint
    write_checkpoint(content(3), path)
    path.with_name(f"{path.name}.sha256").unlink()
    link_checkpoint(path, best)
    assert read_checkpoint(best)["global_step"] == 3


def test_a_full_disk_keeps_what_was_there(tmp_path):
    path = RunFolder(tmp_path).step_checkpoint(1)
    write_checkpoint(content(1), path)
    with files_limited_to(2000), pytest.raises(UserError, match="cannot be written"):
        write_checkpoint(content(2), path)
    assert not list(tmp_path.rglob(".*"))
    assert read_checkpoint(path)["global_step"] == 1


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def zip_bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10**7)
    return stream.getvalue()


def test_nothing_of_an_archive_that_unpacks_to_more_than_it_is_is_unpacked(tmp_path):
    bomb = bytearray(zip_bomb())
    bomb[60:70] = b"\xff" * 10  # unpacking it, as for its CRC-32, would fail
    (tmp_path / "x.ckpt").write_bytes(bomb)
    with pytest.raises(UserError, match="would unpack to 10,000,000 bytes"):
        read_checkpoint(tmp_path / "x.ckpt")


def pickled(value: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (POINTER, "is a Git LFS pointer"),
        (zip_bomb(), r"would unpack to 10,000,000 bytes"),
        (pickle.dumps({"a": 1}), "damaged, or no checkpoint"),
        (pickled([1]), "is not a checkpoint of wavenet_ae"),
        (pickled({"wavenet_ae": 1}), "is not a checkpoint of wavenet_ae"),
        (pickled({"wavenet_ae": {"format": "2"}}), "its format is '2'"),
        (pickled({"wavenet_ae": {"format": FORMAT}, "global_step": "x"}), "its global_step is 'x'"),
    ],
)
def test_a_resume_falls_back_from_what_is_no_checkpoint_without_its_digest(
    tmp_path, caplog, data, message
):
    """A crash between checkpoint and digest leaves no digest."""
    run = RunFolder(tmp_path)
    write_checkpoint(content(5), run.step_checkpoint(5))
    run.step_checkpoint(6).write_bytes(data)
    path, _ = newest_checkpoint(run)
    assert path == run.step_checkpoint(5)
    assert message.replace("\\", "") in caplog.text


@pytest.mark.parametrize("content_of_digest", [b"\x88\xff", b"", b"0" * 10**6])
def test_a_damaged_digest_is_damage(tmp_path, content_of_digest):
    path = RunFolder(tmp_path).step_checkpoint(1)
    write_checkpoint(content(), path)
    path.with_name(path.name + ".sha256").write_bytes(content_of_digest)
    with pytest.raises(UserError, match="damaged: its SHA-256 is another"):
        read_checkpoint(path)
