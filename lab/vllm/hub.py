"""The cache of Hugging Face models, as huggingface_hub lays it out."""

import json
import os
from pathlib import Path


class ModelMissing(Exception):
    """There is no such model on this host, or not all of it."""


def cache_folder(environment=os.environ):
    """Where models are."""
    home = environment.get("HF_HOME") or os.path.expanduser("~/.cache/huggingface")
    return Path(environment.get("HF_HUB_CACHE") or os.path.join(home, "hub"))


def model_folder(model_id):
    """The folder of a model with an id such as `Qwen/Qwen3-8B`."""
    return cache_folder() / ("models--" + model_id.replace("/", "--"))


def find_folder(model, revision):
    """The folder of a model, a tokenizer or an adapter. @raise ModelMissing naming it."""
    folder = Path(model) if os.path.isdir(model) else snapshot_of(model, revision or "main")
    if folder is None:
        raise ModelMissing(
            "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder for "
            f"the specified revision on the local disk and outgoing traffic has been disabled: {model}"
        )
    return folder


def find_model(model, revision):
    """The folder with the model's files. @raise ModelMissing naming it."""
    folder = find_folder(model, revision)
    missing = missing_shards(folder) if (folder / "config.json").is_file() else ["config.json"]
    if missing:
        raise ModelMissing(f"RuntimeError: Cannot find any model weights with `{model}`: {', '.join(missing)}")
    return folder


def snapshot_of(model_id, revision):
    """The snapshot of a branch, tag or commit, or None."""
    folder = model_folder(model_id)
    reference = folder / "refs" / revision
    commit = reference.read_text().strip() if reference.is_file() else revision
    snapshot = folder / "snapshots" / commit
    return snapshot if snapshot.is_dir() else None


def missing_shards(folder):
    """Weights that aren't there."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        return [name for name in names if not (folder / name).is_file()]
    return [] if any(folder.glob("*.safetensors")) else ["*.safetensors"]
