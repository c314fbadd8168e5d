"""Configurations of a few public base models, so that arithmetic needs no download.

Source of every number: the models' published config.json, completed by the class defaults of Transformers.
The tests hold them against the parameter totals that the publishers' safetensors state.
"""

import re
from collections.abc import Mapping

from auditor.artifacts.base_config import BaseConfig

_SIGLIP = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 896,
    "patch_size": 14,
    "vision_use_head": False,
}
_SUFFIX = re.compile(r"(?:-unsloth)?-bnb-4bit$|\.git$")
_ROLE = re.compile(r"-(?:it|pt|instruct)$")


def _shape(
    hidden: int, inner: int, layers: int, heads: int, key_value: int, head_dim: int, vocab: int
) -> dict[str, object]:
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_value,
        "head_dim": head_dim,
        "vocab_size": vocab,
    }


def _gemma3(text: Mapping[str, object]) -> dict[str, object]:
    return {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": {"model_type": "gemma3_text", **text},
        "vision_config": dict(_SIGLIP),
    }


def _causal(kind: str, architecture: str, tied: bool, text: Mapping[str, object]) -> dict[str, object]:
    return {"architectures": [architecture], "model_type": kind, "tie_word_embeddings": tied, **text}


_LLAMA, _QWEN2, _MISTRAL = "LlamaForCausalLM", "Qwen2ForCausalLM", "MistralForCausalLM"
_KNOWN: Mapping[str, Mapping[str, object]] = {
    "gemma-3-1b": _causal(
        "gemma3_text", "Gemma3ForCausalLM", True, _shape(1152, 6912, 26, 4, 1, 256, 262_144)
    ),
    "gemma-3-4b": _gemma3(_shape(2560, 10_240, 34, 8, 4, 256, 262_208)),
    "gemma-3-12b": _gemma3(_shape(3840, 15_360, 48, 16, 8, 256, 262_208)),
    "gemma-3-27b": _gemma3(_shape(5376, 21_504, 62, 32, 16, 128, 262_208)),
    "llama-3.2-1b": _causal("llama", _LLAMA, True, _shape(2048, 8192, 16, 32, 8, 64, 128_256)),
    "llama-3.1-8b": _causal("llama", _LLAMA, False, _shape(4096, 14_336, 32, 32, 8, 128, 128_256)),
    "qwen2.5-0.5b": _causal("qwen2", _QWEN2, True, _shape(896, 4864, 24, 14, 2, 64, 151_936)),
    "qwen2.5-1.5b": _causal("qwen2", _QWEN2, True, _shape(1536, 8960, 28, 12, 2, 128, 151_936)),
    "qwen2.5-7b": _causal("qwen2", _QWEN2, False, _shape(3584, 18_944, 28, 28, 4, 128, 152_064)),
    "mistral-7b-v0.1": _causal("mistral", _MISTRAL, False, _shape(4096, 14_336, 32, 32, 8, 128, 32_000)),
}
_ALIASES = {"mistral-7b-instruct-v0.1": "mistral-7b-v0.1", "meta-llama-3.1-8b": "llama-3.1-8b"}


def lookup(name: str, cls: str | None) -> BaseConfig | None:
    """The configuration of a model by the last segment of its hub id or folder (without ``-it``).

    ``cls`` is the model class that was trained, when known: a class of another family gives None, and
    Gemma3ForCausalLM of a multimodal size gives the text part only.
    """
    key = normalise(name)
    raw = _KNOWN.get(key)
    if raw is None:
        return None
    config = BaseConfig.of(f"known model {key}", raw, known=key)
    if cls is None or cls in config.architectures:
        return config
    if cls == "Gemma3ForCausalLM" and config.model_type == "gemma3":
        return BaseConfig.of(config.path, _text_only(raw), known=key)
    return config if _same_family(cls, config.architectures[0]) else None


def normalise(name: str) -> str:
    """``google/gemma-3-4b-it`` and ``/models/Gemma-3-4B`` are both ``gemma-3-4b``."""
    last = re.split(r"[/\\]", name.strip().rstrip("/\\"))[-1].lower()
    last = _SUFFIX.sub("", _SUFFIX.sub("", last))
    last = _ROLE.sub("", last)
    return _ALIASES.get(last, last)


def _same_family(one: str, other: str) -> bool:
    """Gemma3Model and Gemma3ForConditionalGeneration share their trunk."""
    return one.removesuffix("Model").split("For")[0] == other.split("For")[0]


def _text_only(raw: Mapping[str, object]) -> Mapping[str, object]:
    text = raw["text_config"]
    inner = text if isinstance(text, dict) else {}
    return {"architectures": ["Gemma3ForCausalLM"], "tie_word_embeddings": True, **inner}
