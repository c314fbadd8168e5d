"""Which tensors each PEFT method keeps for a module, and the sizes adapter_config.json gives them.

Source: peft 0.21.2, tuners/<method>/layer.py and model.py (``prefix`` and the parameters made by ``update_layer``)
and, for the older names, peft 0.11.1 (`oft_r`, `bone_block`). Held against adapters that peft itself saved in
tests/rerun/test_peft_types.py. What is not listed is not judged.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from auditor.artifacts._module_patterns import first_matching_key, listed
from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import PREFIX, AdapterWeights

_PROMPTS = ("prompt_embeddings", "prefix_task_cols", "prefix_task_rows")
_NAMED_ALIKE = (
    "LORA IA3 LOKR OFT BOFT VERA PVERA HRA VBLORA POLY FOURIERFT WAVEFT BONE MISS RANDLORA C3A ROAD DELORA SHIRA "
    "GRALORA OSF BEFT DEFT FROD GLORA HIRA LILY PEANUT PSOFT SHADOW SUPERTUNING TINYLORA UNILORA"
)
MARKS: Mapping[str, tuple[str, ...]] = {
    **{word: (f"{word.lower()}_",) for word in _NAMED_ALIKE.split()},
    **dict.fromkeys(("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "CPT"), ("prompt_embeddings",)),
    "ADALORA": ("lora_",),
    "ADAMSS": ("adamss_",),
    "ADAPTION_PROMPT": ("adaption_",),
    "LN_TUNING": ("ln_tuning_",),
    "LOHA": ("hada_",),
    "MULTITASK_PROMPT_TUNING": _PROMPTS,
    "TRAINABLE_TOKENS": ("trainable_tokens_",),
    "XLORA": ("internal_xlora_classifier",),
}
"""By ``peft_type``: how the names of the method's own tensors begin (one dotted part of the name)."""

_LOKR = (("lokr_w1_a", "lokr_w1_b"), ("lokr_w2_a", "lokr_w2_b"))
_FACTORS = {word: tuple(f"hada_{word}_{side}" for side in "ab") for word in ("w1", "w2")}
TOGETHER: Mapping[str, tuple[tuple[tuple[str, ...], ...], ...]] = {
    "LORA": ((("lora_A", "lora_B"), ("lora_embedding_A", "lora_embedding_B")),),
    "ADALORA": ((("lora_A", "lora_B", "lora_E"),),),
    "LOHA": ((_FACTORS["w1"],), (_FACTORS["w2"],)),
    "LOKR": ((("lokr_w1",), _LOKR[0]), (("lokr_w2",), _LOKR[1])),
    "BOFT": ((("boft_R", "boft_s"),),),
    "VERA": ((("vera_lambda_b", "vera_lambda_d"),),),
    "PVERA": ((("pvera_lambda_b", "pvera_lambda_d"),),),
    "DELORA": ((("delora_A", "delora_B", "delora_lambda"),),),
    "HIRA": ((("hira_A", "hira_B"),),),
    "DEFT": ((("deft_P", "deft_R"),),),
    "ROAD": ((("road_theta", "road_alpha"),),),
    "ADAPTION_PROMPT": ((("adaption_prompt", "adaption_gate"),),),
    "POLY": ((("poly_lora_A", "poly_lora_B"),),),
}
"""By method: what a module must have, each requirement as alternatives of tensors that belong together."""

_VERA = {"vera_lambda_d": ("r",), "vera_A": ("r", None), "vera_B": (None, "r")}
_PVERA = {"pvera_lambda_d": ("2r",), "pvera_A": ("2r", None), "pvera_B": (None, "r")}
_ADALORA = {"lora_A": ("kept", None), "lora_B": (None, "kept"), "lora_E": ("kept", "1")}
_BLOCKS = ("n_splits", "n_skills")
_SIZES: Mapping[str, Mapping[str, tuple[str | None, ...]]] = {
    "ADALORA": _ADALORA,
    "VERA": _VERA,
    "PVERA": _PVERA,
    "HRA": {"hra_u": (None, "r")},
    "DELORA": {"delora_A": ("r", None), "delora_B": (None, "r")},
    "HIRA": {"hira_A": ("r", None), "hira_B": (None, "r")},
    "DEFT": {"deft_P": (None, "r"), "deft_R": ("r", None)},
    "BOFT": {"boft_R": ("boft_n_butterfly_factor", "boft_block_num", "boft_block_size", "boft_block_size")},
    "FOURIERFT": {"fourierft_spectrum": ("n_frequency",)},
    "C3A": {"c3a_kernel": (None, None, "block_size")},
    "RANDLORA": {"randlora_lambda": ("r", None)},
    "POLY": {"poly_lora_A": (*_BLOCKS, None, "r"), "poly_lora_B": (*_BLOCKS, "r", None)},
    "VBLORA": {
        "vblora_vector_bank": ("num_vectors", "vector_length"),
        "vblora_logits_A": ("r", None, "num_vectors"),
        "vblora_logits_B": (None, "r", "num_vectors"),
    },
    "PROMPT_TUNING": {"prompt_embeddings": ("virtual", "token_dim")},
    "P_TUNING": {"prompt_embeddings": ("virtual", "token_dim")},
    "PREFIX_TUNING": {"prompt_embeddings": ("num_virtual_tokens", "prefix")},
    "TRAINABLE_TOKENS": {"trainable_tokens_delta": ("tokens", None)},
    "ADAPTION_PROMPT": {"adaption_prompt": ("1", "adapter_len", None)},
}
"""By method and tensor: the size of each dimension, as a key of the config or a word of `_size`."""
_LEAST = {"boft_n_butterfly_factor": 1}
"""What PEFT takes in place of a key where it cannot build its CUDA extension (tuners/boft/layer.py, `__init__` and
``get_fbd_cuda``)."""
_SOMEWHERE: Mapping[str, tuple[str, ...]] = {
    "LOHA": (*_FACTORS["w1"], *_FACTORS["w2"]),
    "LOKR": (*_LOKR[0], *_LOKR[1]),
    "MISS": ("miss_block",),
    "BONE": ("bone_block",),
}
"""Tensors one of whose dimensions is the rank: its place depends on the kind of layer."""


@dataclass(frozen=True, slots=True)
class Part:
    """One tensor of the method: its module ("" for what all modules share) and the mark that names its role."""

    module: str
    mark: str
    info: TensorInfo


def parts(weights: AdapterWeights, marks: tuple[str, ...]) -> Iterator[Part]:
    """The tensors whose names hold a dotted part that begins with one of the marks."""
    for name, info in weights.tensors.items():
        words = name.removeprefix(PREFIX).removeprefix("base_model.").split(".")
        for position in range(len(words) - 1, -1, -1):
            if words[position].startswith(marks):
                yield Part(".".join(words[:position]), words[position], info)
                break


def methods_of(weights: AdapterWeights) -> frozenset[str]:
    """Every method whose marks the tensors' names carry; LoRA and AdaLoRA share theirs."""
    words = {word for name in weights.tensors for word in name.split(".")}
    return frozenset(
        method for method, marks in MARKS.items() if any(word.startswith(marks) for word in words)
    )


def missing(config: AdapterConfig, found: frozenset[str]) -> tuple[str, ...]:
    """What a module lacks, given the marks it has; empty when it is whole or the method is not known."""
    lacking: list[str] = []
    for alternatives in TOGETHER.get(config.peft_type or "", ()):
        gaps: list[list[str]] = [[mark for mark in marks if mark not in found] for marks in alternatives]
        lacking.extend(sorted(gaps, key=len)[0])
    return tuple(lacking)


def expected_shape(config: AdapterConfig, part: Part) -> str | None:
    """What the config says of a tensor's shape when it is another; None when it fits or nothing is said.

    Sizes the config does not give stand as ``·``.
    """
    method = config.peft_type or ""
    shape = part.info.shape
    if method == "OFT":
        return _rotation(config, part)
    if method == "IA3":
        return _vector(config, part)
    if part.mark in _SOMEWHERE.get(method, ()):
        rank = config.rank_of(part.module)
        return None if rank is None or rank in shape else f"a dimension of {rank} (the rank)"
    words = _SIZES.get(method, {}).get(part.mark)
    if words is None:
        return None
    sizes = [_size(config, word, part.module) for word in words]
    fits = len(shape) >= len(sizes) and all(
        size in (None, own) or _LEAST.get(word or "") == own
        for word, size, own in zip(words, sizes, shape, strict=False)
    )
    return None if fits else f"({', '.join('·' if size is None else str(size) for size in sizes)})"


def _size(config: AdapterConfig, word: str | None, module: str) -> int | None:
    """A size by its word; None when the config does not give it."""
    if word is None:
        return None
    if word in _WORDS:
        return _WORDS[word](config, module)
    pattern = config.raw.get(f"{word}_pattern")
    if isinstance(pattern, dict) and first_matching_key(pattern, module) is not None:
        return None
    # BOFT's size and number of blocks exclude each other: 0 stands for "not given".
    return _whole(config.raw.get(word)) or None


def kept_rank(config: AdapterConfig, module: str) -> int | None:
    """AdaLoRA's rank of a module: what its rank_pattern keeps, else ``init_r`` (tuners/adalora/model.py)."""
    pattern = config.raw.get("rank_pattern")
    if isinstance(pattern, dict) and pattern:
        entry = pattern.get(f"{module}.lora_E")
        if isinstance(entry, list):
            return sum(bool(item) for item in entry)
        return None
    return _whole(config.raw.get("init_r"))


def _virtual(config: AdapterConfig, module: str) -> int | None:
    """Virtual tokens of all submodules: an encoder-decoder has two (peft_model.py, `_setup_prompt_encoder`)."""
    modules = _whole(config.raw.get("num_transformer_submodules"))
    if modules is None:
        modules = 2 if config.task_type == "SEQ_2_SEQ_LM" else 1
    tokens = _whole(config.raw.get("num_virtual_tokens"))
    return None if tokens is None else tokens * modules


def _prefix(config: AdapterConfig, module: str) -> int | None:
    """A key and a value for each layer (tuners/prefix_tuning/model.py)."""
    layers, width = _whole(config.raw.get("num_layers")), _whole(config.raw.get("token_dim"))
    return None if layers is None or width is None else layers * 2 * width


def _indices(config: AdapterConfig, module: str) -> int | None:
    indices = config.raw.get("token_indices")
    return len(indices) if isinstance(indices, list) else None


def _doubled(config: AdapterConfig, module: str) -> int | None:
    rank = config.rank_of(module)
    return None if rank is None else 2 * rank


_WORDS: Mapping[str, Callable[[AdapterConfig, str], int | None]] = {
    "1": lambda config, module: 1,
    "r": lambda config, module: config.rank_of(module),
    "2r": _doubled,
    "kept": kept_rank,
    "virtual": _virtual,
    "prefix": _prefix,
    "tokens": _indices,
}
"""Sizes that are no plain key of the configuration."""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _rotation(config: AdapterConfig, part: Part) -> str | None:
    """OFT: (blocks, b(b-1)/2), or (blocks, b, b) in peft below 0.16; one block when they are shared.

    PEFT changes a block size that does not divide the layer's inputs, so only a size that divides them is held.
    """
    shape, shared = part.info.shape, config.raw.get("block_share") is True
    if (
        part.mark == "oft_s"
    ):  # one factor for each output, in peft below 0.16 (peft 0.15.2, tuners/oft/layer.py)
        return None if shape[1:] == (1,) else "(·, 1)"
    size, blocks = _whole(config.raw.get("oft_block_size")), _whole(config.raw.get("r"))
    if len(shape) < 2 or (shared and shape[0] != 1):
        return "(1, ·), shared by all blocks" if shared else "a matrix"
    block = shape[1] if len(shape) == 3 else (1 + math.isqrt(1 + 8 * shape[1])) // 2
    inputs = shape[0] * block
    if shared or (len(shape) == 2 and block * (block - 1) // 2 != shape[1]):
        return None if shared else "(·, b(b-1)/2) for a block size b"
    if size and block != size and inputs % size == 0:
        return f"({inputs // size}, {size * (size - 1) // 2}), blocks of {size}"
    if blocks and not size and shape[0] != blocks and inputs % blocks == 0:
        return f"({blocks}, ·), that many blocks"
    return None


def _vector(config: AdapterConfig, part: Part) -> str | None:
    """IA3: a row for feed-forward modules, which scale their inputs, else a column (tuners/ia3/layer.py)."""
    shape, names = part.info.shape, config.raw.get("feedforward_modules")
    if part.mark != "ia3_l" or len(shape) != 2 or not isinstance(names, list):
        return None
    forward = listed(frozenset(name for name in names if isinstance(name, str)), part.module)
    if shape[0 if forward else 1] == 1:
        return None
    return (
        "(1, ·), as for a feed-forward module"
        if forward
        else "(·, 1), as for another than a feed-forward module"
    )
