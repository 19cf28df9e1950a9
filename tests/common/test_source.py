"""Where a matrix can be read from: everything gives the same numbers."""

import numpy as np
import pytest
from scipy import sparse

from rrqr_lapack import BlockMatrix, TallQR
from rrqr_lapack._common.source import open_source

A = np.random.default_rng(0).standard_normal((233, 17))


def npy(folder, a=A, order="C"):
    """Path of a .npy file."""
    path = folder / f"{order}.npy"
    np.save(path, np.asarray(a, order=order))
    return path


def mapped(folder):
    return np.load(npy(folder), mmap_mode="r")


def hdf5(folder, **options):
    h5py = pytest.importorskip("h5py")
    return h5py.File(folder / "a.h5", "w").create_dataset("a", data=A, **options)


def in_zarr(folder, chunks=(50, 17)):
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(str(folder / "a.zarr"), shape=A.shape, dtype=A.dtype, chunks=chunks)
    array[:] = A
    return array


def table(kind="columns"):
    pa = pytest.importorskip("pyarrow")
    if kind == "lists":
        return pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.array(A[:, :16].ravel()), 16), "y": A[:, 16]})
    return pa.table({f"c{j}": A[:, j] for j in range(A.shape[1])})


def parquet(folder, name="a.parquet"):
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(table(), folder / name, row_group_size=60)
    return folder / name


def parquet_folder(folder):
    pq = pytest.importorskip("pyarrow.parquet")
    (folder / "parts").mkdir()
    for i in range(2):
        pq.write_table(table().slice(120 * i, 120), folder / "parts" / f"{i}.parquet")
    return folder / "parts"


def feather(folder):
    pytest.importorskip("pyarrow")
    from pyarrow import feather

    feather.write_feather(table(), folder / "a.feather", compression="uncompressed")
    return folder / "a.feather"


def pieces():
    return (A[i : i + 31] for i in range(0, len(A), 31))


AGAIN = {
    "an array": lambda folder: A,
    "a list of rows": lambda folder: A.tolist(),
    "an array in Fortran order": lambda folder: np.asfortranarray(A),
    "a .npy file": npy,
    "a .npy file in Fortran order": lambda folder: npy(folder, order="F"),
    "its path as text": lambda folder: str(npy(folder)),
    "a memory map": mapped,
    "HDF5": hdf5,
    "HDF5 in chunks": lambda folder: hdf5(folder, chunks=(40, 5)),
    "Zarr": in_zarr,
    "Zarr in chunks of few columns": lambda folder: in_zarr(folder, (233, 3)),
    "a table of Arrow": lambda folder: table(),
    "lists of fixed size": lambda folder: table("lists"),
    "record batches": lambda folder: table().to_batches(max_chunksize=40),
    "a .parquet file": parquet,
    "a ParquetFile": lambda folder: pytest.importorskip("pyarrow.parquet").ParquetFile(parquet(folder)),
    "a folder of .parquet files": parquet_folder,
    "a .feather file": feather,
    "a list of batches": lambda folder: list(pieces()),
    "a function that gives batches": lambda folder: pieces,
}
ONCE = {
    "a generator": lambda folder: pieces(),
    "a reader of record batches": lambda folder: table().to_reader(max_chunksize=40),
}


@pytest.mark.parametrize("name", AGAIN)
def test_every_source_multiplies_as_its_matrix_pass_after_pass(name, tmp_path):
    source = AGAIN[name](tmp_path)
    a = BlockMatrix(source, shape=A.shape, dtype=float, block_bytes=4000)
    x, y = np.random.default_rng(1).standard_normal((17, 3)), np.random.default_rng(2).standard_normal((233, 2))
    for _ in range(2):
        np.testing.assert_allclose(a @ x, A @ x, atol=1e-13)
        np.testing.assert_allclose(a.H @ y, A.T @ y, atol=1e-12)
    assert a.passes == 4
    assert a.norm == pytest.approx(np.linalg.norm(A))
    np.testing.assert_array_equal(a.columns([3, 0, 16, 3]), A[:, [3, 0, 16, 3]])
    np.testing.assert_array_equal(a.rows([200, 7]), A[[200, 7]])


@pytest.mark.parametrize("name", AGAIN | ONCE)
def test_every_source_is_read_by_tall_qr(name, tmp_path):
    tall = TallQR().read((AGAIN | ONCE)[name](tmp_path))
    assert tall.shape == A.shape
    np.testing.assert_allclose(tall.R.T @ tall.R, A.T @ A, atol=1e-11)


@pytest.mark.parametrize("name", [name for name in AGAIN if "function" not in name])
def test_what_tells_its_shape_and_dtype_need_not_be_told(name, tmp_path):
    a = BlockMatrix(AGAIN[name](tmp_path))
    assert (a.shape, a.dtype) == (A.shape, A.dtype)


@pytest.mark.parametrize(("first", "step"), [(0, 10), (7, 10), (50, 10), (99, 1000), (232, 5), (233, 5)])
@pytest.mark.parametrize("name", ["a .npy file", "Zarr", "a .parquet file", "a function that gives batches"])
def test_reading_can_begin_at_any_row(name, first, step, tmp_path):
    source = open_source(AGAIN[name](tmp_path))
    blocks = [read() for read in source.reads(0, first, step)]
    np.testing.assert_array_equal(np.concatenate([np.empty((0, 17)), *blocks]), A[first:])


def test_blocks_follow_the_chunks_of_the_source(tmp_path):
    source = open_source(in_zarr(tmp_path))
    assert [len(read()) for read in source.reads(0, 0, 60)] == [100, 100, 33]
    assert open_source(in_zarr(tmp_path / "wide", (233, 3))).axis == 1


def test_what_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    (tmp_path / "cut.npy").write_bytes(npy(tmp_path).read_bytes()[:-8])
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    np.save(tmp_path / "objects.npy", np.array([[None]]), allow_pickle=True)
    for source, error, match in [
        (tmp_path / "a.csv", ValueError, r"\.npy, \.parquet"),
        (tmp_path / "cut.npy", ValueError, "must be a readable .npy file"),
        (tmp_path / "cube.npy", ValueError, "2 dimensions, got 3"),
        (tmp_path / "objects.npy", ValueError, "Python objects"),
        (tmp_path / "none.npy", FileNotFoundError, "none.npy"),
        (sparse.eye_array(3), TypeError, "source must be dense"),
        (np.ma.masked_array(A, A > 1), TypeError, "masked"),
        (A.astype(str), TypeError, "got the dtype <U"),
        (7, TypeError, "source must be a path, an array"),
    ]:
        for reader in (TallQR().read, BlockMatrix):
            with pytest.raises(error, match=match):
                reader(source)


def test_nulls_of_a_table_are_refused():
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="no nulls"):
        TallQR().read(pa.table({"x": [1.0, None]}))


def test_a_file_that_is_cut_off_while_it_is_read_is_noticed(tmp_path):
    a = BlockMatrix(npy(tmp_path))
    with open(tmp_path / "C.npy", "r+b") as file:
        file.truncate(2000)
    with pytest.raises(ValueError, match="must stay as it is"):
        a @ np.ones(17)
