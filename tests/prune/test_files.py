"""Networks in files: what is saved is loaded, nothing runs, nothing is half-written."""

import json
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest
import safetensors.numpy
from networks import random_network

from rrqr_lapack._common.npy import open_npy, read_npz
from rrqr_lapack.prune import Dense, LeakyReLU, Network, load, save
from rrqr_lapack.prune._arrays import DECODERS, read_safetensors
from rrqr_lapack.prune._network.activations import NAMED

SUFFIXES = [".npz", ".safetensors"]


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    """A file to write, in either format."""
    return tmp_path / f"network{request.param}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_comes_back_bit_for_bit(rng, path, dtype):
    layers = [Dense(rng.standard_normal((3, 3)).astype(dtype), rng.random(3).astype(dtype), name) for name in NAMED]
    network = Network([*layers, Dense(np.eye(3, dtype=dtype), activation=LeakyReLU(0.2))], head="softmax")
    save(network, path)
    read = load(path)
    assert (read.widths, read.head, read.dtype) == (network.widths, "softmax", dtype)
    for one, two in zip(read.layers, network.layers, strict=True):
        assert one.activation == two.activation
        np.testing.assert_array_equal(one.weight, two.weight)
        np.testing.assert_array_equal(one.bias, two.bias)


def test_half_precision_halves_the_file_and_is_read_as_float32(rng, path):
    network = random_network(rng, (50, 40, 3), dtype=np.float32)
    save(network, path)
    whole = path.stat().st_size
    save(network, path, dtype=np.float16, overwrite=True)
    assert path.stat().st_size < 0.6 * whole
    read = load(path)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read.layers[0].weight, network.layers[0].weight.astype(np.float16))


def test_arrays_in_any_layout_and_byte_order_are_saved(rng, path):
    weight = rng.standard_normal((6, 4))
    save(Network([Dense(np.asfortranarray(weight)), Dense(weight.T.astype(">f8")[:, ::2])]), path)
    read = load(path)
    np.testing.assert_array_equal(read.layers[0].weight, weight)
    np.testing.assert_array_equal(read.layers[1].weight, weight.T[:, ::2])


def test_an_existing_file_is_replaced_only_when_asked(rng, path):
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="exists and is not overwritten"):
        save(random_network(rng, (3, 2)), path)
    assert path.read_bytes() == b"mine"
    save(random_network(rng, (3, 2)), path, overwrite=True)
    assert load(path).widths == (3, 2)


def test_an_interrupted_save_leaves_the_old_file_and_nothing_else(rng, path, monkeypatch):
    save(random_network(rng, (3, 2)), path)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(random_network(rng, (5, 2)), path, overwrite=True)
    assert load(path).widths == (3, 2)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.skipif(os.name != "posix", reason="permission bits are those of POSIX")
def test_the_file_has_the_permissions_of_any_new_file(rng, path):
    save(random_network(rng, (3, 2)), path)
    plain = path.with_name("plain")
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_the_callers_own_activation_is_not_saved(path):
    with pytest.raises(ValueError, match="in a file, which holds no code, got"):
        save(Network([Dense(np.eye(2), activation=np.sin)]), path)
    assert not path.exists()


@pytest.mark.parametrize("dtype", [np.int8, np.complex64])
def test_a_dtype_that_is_not_floating_is_refused(rng, path, dtype):
    with pytest.raises(ValueError, match="dtype must be float16, float32 or float64, got"):
        save(random_network(rng, (3, 2)), path, dtype=dtype)


def test_weights_too_large_for_half_precision_are_refused(path):
    with pytest.raises(ValueError, match=r"dtype must hold all weights, got float16, for which layers\.0\.weight has"):
        save(Network([Dense([[1e6]])]), path, dtype=np.float16)
    assert not path.exists()


@pytest.mark.parametrize("name", ["network.pkl", "network", "network.npy"])
def test_another_suffix_is_refused(rng, tmp_path, name):
    with pytest.raises(ValueError, match=r"path must end in .npz or .safetensors, got"):
        save(random_network(rng, (3, 2)), tmp_path / name)
    with pytest.raises(ValueError, match=r"path must end in .npz or .safetensors, got"):
        load(tmp_path / name)


def test_a_missing_file_or_folder_is_said(rng, path):
    with pytest.raises(FileNotFoundError, match="is not there"):
        load(path)
    with pytest.raises(FileNotFoundError, match=r"the folder .* is not there"):
        save(random_network(rng, (3, 2)), path.parent / "none" / path.name)


class Bomb:
    """Unpickled, it would make a folder."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 cut short", b"hello", pickle.dumps(Bomb()), b"\x93NUMPY\x01\x00 cut short"],
    ids=["empty", "cut zip", "text", "pickle", "cut npy"],
)
def test_a_file_of_another_kind_is_refused_and_not_run(path, content, monkeypatch):
    monkeypatch.chdir(path.parent)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"path must be a readable {path.suffix} file, got"):
        load(path)
    assert os.listdir(path.parent) == [path.name]


def test_python_objects_in_an_npz_are_not_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("network.npz", network=np.array([Bomb()], dtype=object))
    with pytest.raises(
        ValueError, match=r"path must be a readable .npz file, got .*: it holds Python objects, which are not read"
    ):
        load("network.npz")
    assert os.listdir(tmp_path) == ["network.npz"]


def test_a_single_array_under_the_name_npz_is_refused(tmp_path):
    with open(tmp_path / "network.npz", "wb") as file:
        np.save(file, np.eye(2))
    with pytest.raises(ValueError, match=r"path must be a readable \.npz file, got .*: it is a \.npy file, one array"):
        load(tmp_path / "network.npz")


GOOD = {"format": "rrqr_lapack.prune.network/1", "head": "linear", "activations": [{"name": "relu"}]}
ARRAYS = {"layers.0.weight": np.eye(2), "layers.0.bias": np.zeros(2)}


@pytest.mark.parametrize(
    ("description", "arrays", "message"),
    [
        ({}, ARRAYS, "'format' is missing"),
        (GOOD | {"format": "other/2"}, ARRAYS, "its format must be .*, got 'other/2'"),
        (GOOD | {"head": "tanh"}, ARRAYS, "head must be one of 'softmax', 'linear', got 'tanh'"),
        (GOOD | {"activations": [{"name": "rule"}]}, ARRAYS, "activation must be one of .*, got 'rule'"),
        (GOOD | {"activations": [{}]}, ARRAYS, "'name' is missing"),
        (GOOD | {"activations": 3}, ARRAYS, "not iterable"),
        (GOOD | {"activations": []}, ARRAYS, "layers must hold at least one layer"),
        (GOOD, {"layers.0.weight": np.eye(2)}, "'layers.0.bias' is missing"),
        (GOOD, ARRAYS | {"layers.0.bias": np.zeros(3)}, r"bias must have shape \(2,\)"),
        (GOOD, ARRAYS | {"layers.0.weight": np.full((2, 2), np.nan)}, "weight must be finite, got NaN or Inf"),
        ([], ARRAYS, "list indices must be integers"),
        ("not json", ARRAYS, "Expecting value"),
        (None, ARRAYS, "'format' is missing"),
    ],
)
def test_a_file_that_save_did_not_write_is_refused(path, description, arrays, message):
    text = description if isinstance(description, str) else json.dumps(description)
    described = description is not None
    if path.suffix == ".npz":
        np.savez(path, **arrays, **({"network": np.array(text)} if described else {}))
    else:
        safetensors.numpy.save_file(arrays, path, metadata={"network": text} if described else None)
    with pytest.raises(
        ValueError, match=f"path must be a network that rrqr_lapack.prune.save wrote, got .*: .*{message}"
    ):
        load(path)


def test_without_the_safetensors_package_the_cure_is_said(rng, tmp_path, monkeypatch):
    path = tmp_path / "network.safetensors"
    save(random_network(rng, (3, 2)), path)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for attempt in (lambda: load(path), lambda: save(random_network(rng, (3, 2)), path, overwrite=True)):
        with pytest.raises(ImportError, match=r'pip install "rrqr-lapack\[prune\]"'):
            attempt()
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("name", "values", "bits"),
    [
        ("BF16", [1.0, -2.5, 2.0**-133, np.inf], np.array([0x3F80, 0xC020, 0x0001, 0x7F80], "<u2")),
        ("F8_E4M3", [1.0, -1.125, 448.0, 2.0**-9], np.array([0x38, 0xB9, 0x7E, 0x01], "u1")),
        ("F8_E5M2", [1.0, -1.25, 57344.0, 2.0**-16], np.array([0x3C, 0xBD, 0x7B, 0x01], "u1")),
    ],
)
def test_dtypes_that_numpy_lacks_are_read_as_float32(tmp_path, name, values, bits):
    header = json.dumps({"a": {"dtype": name, "shape": [2, 2], "data_offsets": [0, bits.nbytes]}}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bits.tobytes())
    found = read_safetensors(tmp_path / "a.safetensors")[1]["a"]
    assert found.dtype == np.float32 and found.shape == (2, 2)
    np.testing.assert_array_equal(found.ravel(), np.array(values, np.float32))


def test_every_float8_is_the_number_that_torch_reads():
    torch = pytest.importorskip("torch")
    bits = torch.arange(256).to(torch.uint8)
    for name, dtype in (("F8_E4M3", torch.float8_e4m3fn), ("F8_E5M2", torch.float8_e5m2)):
        np.testing.assert_array_equal(DECODERS[name](bits.numpy().tobytes()), bits.view(dtype).float().numpy())


def test_another_dtype_is_refused_in_words(tmp_path):
    header = json.dumps({"a": {"dtype": "F8_E8M0", "shape": [1], "data_offsets": [0, 1]}}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"1")
    with pytest.raises(ValueError, match=r"path must (hold arrays in F64, .*, got .* with a in F8_E8M0|be a readable)"):
        read_safetensors(tmp_path / "a.safetensors")


def test_a_network_in_bfloat16_is_read_in_single_precision(rng, tmp_path):
    safetensors_torch, torch = pytest.importorskip("safetensors.torch"), pytest.importorskip("torch")
    network = random_network(rng, (3, 4, 2), dtype=np.float32)
    save(network, tmp_path / "a.safetensors")
    with safetensors.safe_open(tmp_path / "a.safetensors", "numpy") as file:
        metadata = file.metadata()
    tensors = safetensors_torch.load_file(tmp_path / "a.safetensors")
    half = {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}
    safetensors_torch.save_file(half, tmp_path / "b.safetensors", metadata=metadata)
    read = load(tmp_path / "b.safetensors")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read.layers[0].weight, half["layers.0.weight"].float().numpy())


@pytest.mark.parametrize("reader", [read_npz, open_npy], ids=["npz", "npy"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"0.1 0.2\n", "it is something else, or text"),
        (pickle.dumps(Bomb()), "it is a pickle, which can run code and is not read"),
        (b"\x89HDF\r\n", "it is an HDF5 file"),
        (b"\x1f\x8b\x08", "it is compressed by gzip"),
    ],
)
def test_what_is_no_file_of_arrays_is_said_without_advice_to_run_it(tmp_path, reader, content, what):
    (tmp_path / "text.npz").write_bytes(content)
    with pytest.raises(ValueError) as caught:
        reader(tmp_path / "text.npz")
    assert str(caught.value).endswith(what) and "pickle=" not in str(caught.value)


def test_one_kind_of_file_under_the_name_of_another_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", np.ones(3))
    np.save(tmp_path / "b.npy", np.ones(3))
    np.save(tmp_path / "c.npy", np.array([{}], dtype=object))
    with pytest.raises(
        ValueError, match=r"path must be a readable \.npy file, got .*a\.npz: it is a zip archive, as \.npz files"
    ):
        open_npy(tmp_path / "a.npz")
    with pytest.raises(
        ValueError, match=r"path must be a readable \.npz file, got .*b\.npy: it is a \.npy file, one array"
    ):
        read_npz(tmp_path / "b.npy")
    with pytest.raises(ValueError, match=r"path must be a readable \.npy file, got .*c\.npy: it holds Python objects"):
        open_npy(tmp_path / "c.npy")


def test_a_zip_archive_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.pkl", b"")
    with pytest.raises(
        ValueError, match=r"path must be a readable \.npz file, got .*a\.npz: its data\.pkl is no array"
    ):
        load(tmp_path / "a.npz")
