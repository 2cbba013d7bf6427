"""What a server reads beside its model: drafter, tokenizer, adapters. Offline each has to be there, as for the real one."""

import json
import os

from hub import find_folder, find_model

# Methods that read no model: their weights are in the served one, or they have none.
WITHOUT_WEIGHTS = ("ngram", "[ngram]", "ngram_gpu", "suffix", "extract_hidden_states", "custom_class")


class DrafterUnknown(Exception):
    """Speculative decoding without a word of what drafts."""


def find_others(arguments):
    """Finds all of them. @raise ModelMissing naming the first that isn't there; DrafterUnknown."""
    if arguments.tokenizer:
        find_folder(arguments.tokenizer, arguments.tokenizer_revision)
    drafter, revision = drafter_of(arguments)
    if drafter:
        find_model(drafter, revision)
    for adapter in adapters_of(arguments):
        # Whoever names a path gets no further than its first request without it; an id is looked for at the start.
        if not os.path.isabs(adapter):
            find_folder(adapter, None)


def drafter_of(arguments):
    """Its id or folder and its revision, None for none."""
    config = arguments.speculative_config or {"method": arguments.spec_method, "model": arguments.spec_model}
    model, method = config.get("model"), config.get("method")
    if arguments.speculative_config is None and model is None and method is None:
        return None, None
    if method in WITHOUT_WEIGHTS or model in WITHOUT_WEIGHTS:
        return None, None
    own = method is not None and (method in ("mtp", "dspark") or method.endswith("_mtp"))
    if model is None and not own:
        raise DrafterUnknown("ValueError: num_speculative_tokens was provided but without speculative model.")
    return model, config.get("revision")


def adapters_of(arguments):
    """Paths and ids of --lora-modules: `name=path`, or JSON."""
    for word in arguments.lora_modules or []:
        yield json.loads(word)["path"] if word.startswith("{") else word.partition("=")[2]
