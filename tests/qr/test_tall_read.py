"""TallQR.read: streams, checkpoints and what is wrong with them."""

import _thread
import contextlib
import os
import threading
import zipfile
from functools import partial

import numpy as np
import pytest

from rrqr_lapack import TallQR


class Stopped(Exception):
    pass


def record(told, what, done, total):
    told.append(done)


def rows(dtype, count=3000, columns=40):
    a = np.random.default_rng(0).standard_normal((count, columns))
    return (a + 1j * a[::-1]).astype(dtype) if np.dtype(dtype).kind == "c" else a.astype(dtype)


def pieces(a, step=170, fail_at=None):
    """`a` in pieces; an exception in place of one of them."""
    for number, start in enumerate(range(0, len(a), step)):
        if number == fail_at:
            raise Stopped
        yield a[start : start + step]


def test_a_run_that_was_stopped_goes_on_from_its_checkpoint_to_the_same_bits(dtype, tmp_path):
    a, path = rows(dtype), tmp_path / "run.npz"
    expected = TallQR().read(pieces(a))
    for fail_at in (5, 11, None):
        tall, told = TallQR(), []
        with contextlib.suppress(Stopped):
            tall.read(pieces(a, fail_at=fail_at), checkpoint=path, every=0, progress=partial(record, told))
        if fail_at == 11:
            assert told[0] == 5 * 170  # no more than the row that is compared was taken in again
            assert tall.shape == (11 * 170, 40)
    assert tall.shape == a.shape
    np.testing.assert_array_equal(tall.R, expected.R)
    np.testing.assert_array_equal(TallQR().read(pieces(a), checkpoint=path).R, expected.R)  # nothing is left to do
    assert os.listdir(tmp_path) == ["run.npz"]


def test_an_array_goes_on_behind_the_rows_that_were_seen(tmp_path):
    a, path = rows("d"), tmp_path / "run.npz"
    TallQR(a[:1234]).save(path)
    tall = TallQR().read(a, checkpoint=path)
    np.testing.assert_array_equal(tall.R, TallQR(a).R)


def test_progress_tells_the_rows_and_of_how_many():
    a, told = rows("d"), []
    TallQR(a[:10]).read(a, progress=lambda *what: told.append(what))
    assert told[-1] == ("reading rows", 3000, 3000)
    TallQR().read(pieces(a), progress=lambda *what: told.append(what))
    assert told[-1] == ("reading rows", 3000, None)


def test_saving_and_loading_keep_all_that_there_is(dtype, tmp_path):
    a, path = rows(dtype), tmp_path / "rows.npz"
    for count in (1, 30, 255, 256, 700):
        tall = TallQR(a[:count], check_finite=False)
        tall.save(path)
        loaded = TallQR.load(path)
        assert (loaded.shape, loaded.dtype) == (tall.shape, tall.dtype)
        np.testing.assert_array_equal(loaded.update(a[count:]).R, tall.update(a[count:]).R)
        assert np.isnan(loaded.update(np.full((600, 40), np.nan, dtype)).R).any()  # not refused, as before


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "rows.npz"
    TallQR(rows("d")).save(path)
    before = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        TallQR(rows("d")[:5]).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["rows.npz"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(share, tmp_path):
    path = tmp_path / "rows.npz"
    TallQR(rows("d")).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    for call in (lambda: TallQR.load(path), lambda: TallQR().read(rows("d"), checkpoint=path)):
        with pytest.raises(ValueError, match=r"must be a readable \.npz file"):
            call()


def test_a_checkpoint_with_one_byte_changed_is_refused(tmp_path):
    path = tmp_path / "rows.npz"
    TallQR(rows("d")).save(path)
    with zipfile.ZipFile(path) as archive:
        middle = archive.getinfo("total.npy").header_offset + 1000
    damaged = bytearray(path.read_bytes())
    damaged[middle] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"must be a readable \.npz file"):
        TallQR.load(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "rows.npz"
    TallQR(rows("d")).save(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    for change, match in [
        ({"format": np.array(2)}, "format 1"),
        ({"total": arrays["total"][:, 1:]}, "do not fit together"),
        ({"total": arrays["total"].astype("f4")}, "do not fit together"),
        ({"like": np.zeros(0, "i4")}, "do not fit together"),
        ({"gathered": np.zeros((5000, 40))}, "do not fit together"),
        ({"gathered": np.zeros(40)}, "do not fit together"),
        ({"last": np.zeros(3)}, "do not fit together"),
        ({"eliminated": np.array(-1)}, "do not fit together"),
        ({"eliminated": np.zeros(2)}, "do not fit together"),
        ({"more": np.zeros(3)}, "must be a file of TallQR.save"),
        ({"total": np.array([None])}, "Python objects"),
    ]:
        np.savez(path, **arrays | change)
        with pytest.raises(ValueError, match=match):
            TallQR.load(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(ValueError, match=r"must be a file of TallQR\.save"):
        TallQR.load(path)


def test_a_checkpoint_of_other_rows_is_refused(tmp_path):
    a, path = rows("d"), tmp_path / "rows.npz"
    TallQR(a[:700]).save(path)
    for source, match in [
        (a[::-1], "row 699 is another one"),
        (a[:, :-1], "row 699 is another one"),
        (a[:600], "has ended before"),
        (pieces(a[:600]), "has ended before"),
    ]:
        with pytest.raises(ValueError, match=match):
            TallQR().read(source, checkpoint=path)
    with pytest.raises(ValueError, match="a new TallQR"):
        TallQR(a).read(a, checkpoint=path)


def test_bad_arguments_are_refused(tmp_path):
    a = rows("d")
    for options, error, match in [
        ({"progress": 1}, TypeError, "progress must be None or callable"),
        ({"every": -1}, ValueError, "every must be finite and at least 0"),
        ({"checkpoint": tmp_path / "none" / "rows.npz"}, FileNotFoundError, "none is not there"),
    ]:
        tall = TallQR()
        with pytest.raises(error, match=match):
            tall.read(a, **options)
        assert tall.shape == (0, 0)
    with pytest.raises(ValueError, match="got none yet"):
        TallQR().save(tmp_path / "rows.npz")


def test_an_exception_of_the_source_comes_through_and_leaves_what_was_read():
    tall = TallQR()
    with pytest.raises(Stopped):
        tall.read(pieces(rows("d"), fail_at=3))
    assert tall.shape == (510, 40)


def test_ctrl_c_ends_the_wait_for_a_source_that_gives_nothing(tmp_path):
    release = threading.Event()

    def stalled():
        yield rows("d")
        _thread.interrupt_main()
        release.wait(30)

    with pytest.raises(KeyboardInterrupt):
        TallQR().read(stalled())
    assert not release.is_set()
    release.set()
