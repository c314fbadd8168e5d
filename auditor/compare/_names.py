"""Which modules of two adapters are the same, whatever dialect names them.

A wrapper adds parts to a name: PEFT ``base_model.model.`` and the adapter's name, torch 2.13.0 ``module.``
(nn/parallel/distributed.py), ``_orig_mod.`` (_dynamo/eval_frame.py), ``_fsdp_wrapped_module.``
(distributed/fsdp/_common_utils.py) and ``_checkpoint_wrapped_module.`` (distributed/algorithms/_checkpoint/
checkpoint_wrapper.py). kohya's files write underscores for dots, ``lora_down``, ``lora_up`` and ``alpha`` (peft,
examples/lora_dreambooth/convert_peft_sd_lora_to_kohya_ss.py); older files of diffusers end in ``lora.down.weight``.
transformers 4.52 moved the parts of models that see: ``language_model.model.`` became ``model.language_model.``; later
releases, and PEFT with them, rename on loading (transformers 5.23.0, conversion_mapping.py, "llava"; peft 0.21.2,
utils/save_and_load.py, ``key_mapping``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from auditor.artifacts._lora_names import MOST_KNOWN, LoraPair, sorted_out
from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights

_WRAPPERS = frozenset(
    {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "modules_to_save", "default"}
)
_LEADING = ("base_model.model.", "module.")
_MOVED = (
    ("language_model.model.", "model.language_model."),
    ("language_model.lm_head", "lm_head"),
    ("vision_tower.", "model.vision_tower."),
    ("multi_modal_projector.", "model.multi_modal_projector."),
)
"""Beginnings of names in transformers up to 4.51, and after."""
_ENDS: Mapping[str, str] = {
    ".lora_down.weight": "a",
    ".lora_up.weight": "b",
    ".lora.down.weight": "a",
    ".lora.up.weight": "b",
    ".lora_linear_layer.down.weight": "a",
    ".lora_linear_layer.up.weight": "b",
    ".dora_scale": "magnitude",
    ".alpha": "alpha",
}
_STARTS = (
    ("lora_unet_", ""),
    ("lora_transformer_", ""),
    ("lora_te1_", "text_encoder_"),
    ("lora_te2_", "text_encoder_2_"),
    ("lora_te_", "text_encoder_"),
    ("unet_", ""),
    ("transformer_", ""),
)


@dataclass(frozen=True, slots=True)
class Module:
    """One module of one file: its LoRA tensors and, in kohya's files, the tensor that holds its alpha."""

    pair: LoraPair
    alpha: TensorInfo | None
    names: tuple[str, ...]
    """All tensors that are there: A, B, DoRA's magnitude, kohya's alpha."""

    @classmethod
    def of(cls, pair: LoraPair, alpha: TensorInfo | None = None) -> "Module":
        """A module with the names of its tensors."""
        parts = (pair.a, pair.b, pair.magnitude, alpha)
        return cls(pair, alpha, tuple(info.name for info in parts if info is not None))


@dataclass(frozen=True, slots=True)
class Match:
    """One name on both sides; None where a side has nothing of it."""

    base: str | None
    head: str | None

    @property
    def name(self) -> str:
        """The base's name, else the head's."""
        return self.base if self.base is not None else self.head or ""


Modules = tuple[Mapping[str, Module], tuple[str, ...]]
"""The LoRA modules by name, in the order of the file, and the names of tensors that belong to none."""


def modules_of(weights: AdapterWeights) -> Modules:
    """The modules of a file."""
    tensors = tuple(weights.tensors.items())
    return (_known_modules if len(tensors) <= MOST_KNOWN else _modules)(tensors)


def _modules(tensors: tuple[tuple[str, TensorInfo], ...]) -> Modules:
    infos = dict(tensors)
    pairs, others = sorted_out(tensors)
    found = {name: Module.of(pair) for name, pair in pairs.items()}
    parts: dict[str, dict[str, TensorInfo]] = {}
    rest: list[str] = []
    for name in others:
        end = next((end for end in _ENDS if name.endswith(end)), None)
        if end is None or _ENDS[end] in parts.setdefault(name.removesuffix(end), {}):
            rest.append(name)
        else:
            parts[name.removesuffix(end)][_ENDS[end]] = infos[name]
    for module, some in parts.items():
        if module in found or not {"a", "b"} & set(some):
            rest.extend(info.name for info in some.values())
        else:
            pair = LoraPair(module, some.get("a"), some.get("b"), some.get("magnitude"))
            found[module] = Module.of(pair, some.get("alpha"))
    return found, tuple(rest)


_known_modules = lru_cache(maxsize=4)(_modules)
"""The files of a run's checkpoints hold the same modules, and there may be a hundred."""


def matched(base: Iterable[str], head: Iterable[str]) -> tuple[Match, ...]:
    """Pair the names of both sides, in the order of the base, then of the head.

    Equal names first; what is left is paired where one name of each side means the same in another dialect.
    """
    names = tuple(base), tuple(head)
    return (_known_matches if max(map(len, names)) <= MOST_KNOWN else _matched)(*names)


def _matched(base: tuple[str, ...], head: tuple[str, ...]) -> tuple[Match, ...]:
    left, right = dict.fromkeys(base), dict.fromkeys(head)
    partner = {name: name for name in left if name in right}
    for meaning in (bare, placed, flat):
        one = _unique((n for n in left if n not in partner), meaning)
        taken = set(partner.values())
        two = _unique((n for n in right if n not in taken), meaning)
        partner.update({one[key]: two[key] for key in one if key in two})
    taken = set(partner.values())
    both = [Match(name, partner.get(name)) for name in left]
    return (*both, *(Match(None, name) for name in right if name not in taken))


_known_matches = lru_cache(maxsize=4)(_matched)


def bare(name: str) -> str:
    """A name without what wrappers add."""
    short = ".".join(word for word in name.split(".") if word not in _WRAPPERS)
    while (start := next((s for s in _LEADING if short.startswith(s)), None)) is not None:
        short = short.removeprefix(start)
    return short


def placed(name: str) -> str:
    """A name without wrappers, where transformers puts the module today."""
    short = bare(name)
    for before, after in _MOVED:
        if short.startswith(before):
            return after + short.removeprefix(before)
    return short


def flat(name: str) -> str:
    """A name as kohya's files write it, without the word for the part of the pipeline."""
    short = bare(name).replace(".", "_")
    for start, instead in _STARTS:
        if short.startswith(start):
            return instead + short.removeprefix(start)
    return short


def renamed(one: LoraPair, two: LoraPair) -> int:
    """How many tensors of one module are called otherwise on the other side."""
    sides = ((one.a, two.a), (one.b, two.b), (one.magnitude, two.magnitude))
    return sum(x is not None and y is not None and x.name != y.name for x, y in sides)


def _unique(names: Iterator[str], meaning: Callable[[str], str]) -> Mapping[str, str]:
    """Names by what they mean, without those that share a meaning."""
    found: dict[str, str] = {}
    double: set[str] = set()
    for name in names:
        key = meaning(name)
        if key in found:
            double.add(key)
        found[key] = name
    return {key: name for key, name in found.items() if key not in double}
