"""Files and folders are written whole or not at all."""

import os

import pytest

from rrqr_lapack._common.atomic import check_outputs, whole_file, whole_folder


def test_the_file_appears_when_the_block_ends(tmp_path):
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        assert not (tmp_path / "a.txt").exists()
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
    assert (tmp_path / "a.txt").read_text() == "half"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("overwrite", ["no", "", None, 2])
def test_what_is_neither_true_nor_false_overwrites_nothing(tmp_path, overwrite):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(TypeError, match=f"overwrite must be True or False, got {overwrite!r}"):
        check_outputs(tmp_path / "a.txt", overwrite=overwrite)
    with pytest.raises(TypeError, match="overwrite"), whole_file(tmp_path / "a.txt", overwrite):
        pass
    assert (tmp_path / "a.txt").read_text() == "old"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_nothing(tmp_path, error):
    def fail(temporary):
        temporary.write_text("half")
        raise error

    with pytest.raises(error), whole_file(tmp_path / "a.txt") as temporary:
        fail(temporary)
    assert os.listdir(tmp_path) == []


def test_a_block_that_fails_leaves_the_old_file(tmp_path):
    (tmp_path / "a.txt").write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), whole_file(tmp_path / "a.txt", overwrite=True) as temporary:
        fail(temporary)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_existing_file_is_refused_before_the_block_runs(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    ran = []
    with (
        pytest.raises(FileExistsError, match="not overwritten; overwrite=True replaces it"),
        whole_file(tmp_path / "a.txt"),
    ):
        ran.append(True)
    assert not ran


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_no_file(tmp_path, overwrite):
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"):
        check_outputs(tmp_path, overwrite=overwrite)


def test_the_folder_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the folder .*none is not there"):
        check_outputs(tmp_path / "none" / "a.txt")


@pytest.mark.skipif(os.name != "posix", reason="permission bits are those of POSIX")
def test_the_file_has_the_permissions_of_any_new_file(tmp_path):
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("a")
    (tmp_path / "b.txt").write_text("b")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_block_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)  # permissions do not bind a superuser
    with pytest.raises(PermissionError, match="cannot be written to"), whole_file(tmp_path / "a.txt"):
        pytest.fail("the block ran")


def test_a_folder_that_will_be_made_need_not_be_there(tmp_path):
    check_outputs(tmp_path / "new" / "deep" / "a.txt", make_folder=True)
    assert os.listdir(tmp_path) == []
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.txt", tmp_path / "file" / "deep" / "a.txt"):
        with pytest.raises(NotADirectoryError, match="file is a file; give a folder"):
            check_outputs(path, make_folder=True)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(PermissionError, match=f"the folder {tmp_path} cannot be written to"):
        check_outputs(tmp_path / "new" / "deep" / "a.txt", make_folder=True)


def test_two_outputs_in_one_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"paths must be different files, got .*a\.txt twice"):
        check_outputs(tmp_path / "a.txt", None, tmp_path / "b.txt", tmp_path / "a.txt")


def written(folder, content):
    """A model's folder with a configuration."""
    (folder / "config.json").write_text(content)


def test_a_folder_appears_when_the_block_ends(tmp_path):
    with whole_folder(tmp_path / "small") as temporary:
        written(temporary, "new")
        assert not (tmp_path / "small").exists() and temporary.parent == tmp_path
    assert os.listdir(tmp_path) == ["small"]
    assert (tmp_path / "small" / "config.json").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("existing", [False, True])
def test_a_folder_whose_block_fails_leaves_what_was_there(tmp_path, error, existing):
    if existing:
        (tmp_path / "small").mkdir()
        written(tmp_path / "small", "old")
    with pytest.raises(error), whole_folder(tmp_path / "small", overwrite=True) as temporary:
        written(temporary, "new")
        raise error
    assert os.listdir(tmp_path) == ["small"] * existing
    assert not existing or (tmp_path / "small" / "config.json").read_text() == "old"


def test_a_folder_that_cannot_take_its_name_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "small").mkdir()
    written(tmp_path / "small", "old")
    replace = os.replace

    def failing(source, target):
        if str(source).endswith(".new"):
            raise OSError("no more")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="no more"), whole_folder(tmp_path / "small", overwrite=True) as temporary:
        written(temporary, "new")
    assert os.listdir(tmp_path) == ["small"]
    assert (tmp_path / "small" / "config.json").read_text() == "old"


def test_an_existing_folder_is_replaced_whole_if_it_is_a_models_and_may_be(tmp_path):
    (tmp_path / "small").mkdir()
    with (
        pytest.raises(FileExistsError, match="small exists and is no model's folder"),
        whole_folder(tmp_path / "small", overwrite=True),
    ):
        pass
    written(tmp_path / "small", "old")
    (tmp_path / "small" / "extra").touch()
    with pytest.raises(FileExistsError, match="small exists and is not overwritten"), whole_folder(tmp_path / "small"):
        pass
    with whole_folder(tmp_path / "small", overwrite=True) as temporary:
        written(temporary, "new")
    assert os.listdir(tmp_path / "small") == ["config.json"]
    with (
        pytest.raises(FileNotFoundError, match=r"the folder .*none is not there"),
        whole_folder(tmp_path / "none" / "a"),
    ):
        pass
