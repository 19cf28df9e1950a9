"""Model folders of Hugging Face for the command line: read, and written again smaller, tokenizer included."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..._common.atomic import FilePath, whole_folder
from ..._common.npy import open_npy, read_npz
from .._face import Face
from .._model_file import ModelFile
from .._planning.plans import Plan
from ._folder_report import FolderReport
from ._groups import find_groups

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".gguf", ".index.json")
LENGTH = 512  # tokens of a sequence, where the model takes as many
TOGETHER = 4096  # tokens that go through the model at a time
TESTED = 8  # of the samples one in so many is not calibrated on
WIDEST, STEPS = 64, 8  # widths are multiples of a power of two up to 64 that leaves each group so many


def open_folder(path: FilePath, data: FilePath, **options: Any) -> ModelFile:
    """The model in a folder that `save_pretrained` wrote, of a class of the package transformers.

    Parameters
    ----------
    path : path
        With ``config.json``, weights, and for text the tokenizer's files. No code in it runs.
    data : path
        Text, ``.txt``, which is cut into sequences; ``.npy`` with what the model takes first, or ``.npz`` with named
        arguments. The last eighth is kept to measure on.
    **options
        Of `find_groups`.

    Raises
    ------
    ValueError
        No such folder, or one of a class that transformers does not have, whose weights are quantized or lacking; data
        of another kind, or too few.
    ImportError
        The package transformers is not installed.
    OSError
        A file cannot be read.
    """
    path, data = Path(path), Path(data)
    model, config = _loaded(path)
    samples = _samples(path, data, model)
    count = min(len(array) for array in samples.values())
    test = max(count // TESTED, 1)
    if count <= test:
        raise ValueError(f"data must hold two samples or more, some to measure on, got {count} in {data}")
    calibration = {name: array[: count - test] for name, array in samples.items()}
    held = {name: torch.as_tensor(np.array(array[count - test :])) for name, array in samples.items()}
    language = _is_language_model(model)
    tokens = samples["input_ids"].shape[1] if "input_ids" in samples else 64
    face, _ = find_groups(
        model,
        calibration,
        call=_without_logits if language else None,
        output=(lambda result: result.hidden_states[-1]) if language else None,
        **{"batch_size": min(max(TOGETHER // tokens, 1), 64), **options},
    )

    def save(small: Any, target: FilePath, plan: Plan, overwrite: bool = False) -> None:
        with whole_folder(target, overwrite) as temporary:
            others = shutil.ignore_patterns(".*", *(f"*{suffix}" for suffix in WEIGHTS))
            shutil.copytree(path, temporary, ignore=others, dirs_exist_ok=True)
            small.to(config.dtype or torch.float32).save_pretrained(temporary)
            small.float()
            plan.to_json(temporary / "plan.json")

    def report(analysis: Any, plan: Plan, small: Any, seconds: float) -> FolderReport:
        return FolderReport.of(model, small, held, plan, seconds, language=language)

    return ModelFile(face, save, report, samples=calibration, options={"alike": "config", "round_to": _multiple(face)})


def _loaded(path: Path) -> tuple[Any, Any]:
    """The model in single precision, and its configuration as it is in the folder."""
    if not (path / "config.json").is_file():
        raise ValueError(f"path must be a folder with config.json, as save_pretrained writes it, got {path}")
    try:
        import transformers
    except ImportError as error:
        raise ImportError(
            "a folder is read with the package transformers, which is not installed: pip install transformers"
        ) from error
    transformers.utils.logging.disable_progress_bar()
    try:
        said = json.loads((path / "config.json").read_text(encoding="utf-8"))
        names = said.get("architectures") or []
        kind = getattr(transformers, names[0] if names else "AutoModel", None)
    except (AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"path must have a config.json of transformers, got {path}: {error}") from error
    if kind is None:
        raise ValueError(
            f"path must be of a class of the package transformers, got {path}, which is a {names[0]}; load it with "
            "your own code, and use rrqr_lapack.prune.torch"
        )
    if said.get("quantization_config"):
        raise ValueError(f"path must have weights in floating point, got {path}, whose weights are quantized")
    try:
        config = transformers.AutoConfig.from_pretrained(path, local_files_only=True)
        model, loading = kind.from_pretrained(
            path, dtype=torch.float32, local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ValueError(f"path must be a model that transformers loads, got {path}: {error}") from error
    if lacking := sorted(loading["missing_keys"]):
        raise ValueError(
            f"path must have all weights of its class, got {path} without {lacking[0]}; name a class in config.json's "
            '"architectures" that does without'
        )
    return model.eval(), config


def _samples(path: Path, data: Path, model: Any) -> Mapping[str, np.ndarray]:
    """The arguments of the model by name, one row a sample."""
    if data.suffix == ".npy":
        return {model.main_input_name: open_npy(data)}
    if data.suffix == ".npz":
        return read_npz(data)
    if data.suffix != ".txt":
        raise ValueError(f"data must be .txt, .npy or .npz for a folder, got {data}")
    return {"input_ids": _tokens(path, data, model)}


def _tokens(path: Path, data: Path, model: Any) -> np.ndarray:
    """A text in sequences of one length, each with the marks that the tokenizer puts around it."""
    import transformers

    text = data.read_text(encoding="utf-8")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ValueError(f"path must have a tokenizer's files for a text, got {path}: {error}") from error
    longest = getattr(model.config, "max_position_embeddings", None) or LENGTH
    length = min(LENGTH, longest, tokenizer.model_max_length)
    options = {"truncation": True, "max_length": length, "return_overflowing_tokens": True, "verbose": False}
    pieces = [piece for piece in tokenizer([text], **options)["input_ids"] if len(piece) == length]
    if len(pieces) < 2:
        raise ValueError(f"data must hold two sequences of {length} tokens or more, got fewer in {data}")
    return np.array(pieces)


def _is_language_model(model: Any) -> bool:
    """Whether the model says what token comes next."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return type(model).__name__ in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()


def _without_logits(model: torch.nn.Module, batch: Any) -> Any:
    """Hidden states, which the head's weights read: the logits of all tokens would take more memory than the model."""
    return model(**batch, use_cache=False, output_hidden_states=True, logits_to_keep=1)


def _multiple(face: Face[Any]) -> int:
    """The largest power of two up to 64 that every group's columns are a multiple of, several times."""
    said = {name for names in face.alike for name in names}
    columns = [group.columns for group in face.groups if group.name in said and group.unit == 1]
    powers = (2**i for i in range(WIDEST.bit_length() - 1, 0, -1))
    return next((n for n in powers if all(c % n == 0 and c >= STEPS * n for c in columns)), 1)
