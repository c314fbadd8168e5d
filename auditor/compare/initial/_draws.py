"""What PEFT draws for each module of an adapter, from its configuration and the shapes of its tensors.

For a linear layer ``update_layer`` builds ``nn.Linear(in, r)`` and ``nn.Linear(r, out)``, which draw r x in and
out x r numbers, then ``reset_lora_parameters`` draws the r x in of lora_A again and sets lora_B to zero: uniform
within 1/sqrt(in) for ``init_lora_weights`` true, normal with deviation 1/r for ``gaussian``. A convolution draws the
same way, with the kernel in its fan-in. An embedding draws both factors by ``randn``, then lora_embedding_B by
``normal_`` and sets lora_embedding_A to zero. With ``init_lora_weights`` false nothing is drawn twice. Dropout, rsLoRA
and DoRA draw nothing. All of it happens on the CPU in float32 whatever the base's device and dtype; the result is moved
and rounded afterwards (peft 0.21.2, tuners/lora/layer.py; torch 2.13.0, nn/modules/linear.py, nn/init.py).

Measured equal, uniform values to the last bit and normal ones to seven digits: one release of every minor line of PEFT
from 0.6 to 0.21 (uniform, gaussian from 0.7 on, false, rsLoRA, DoRA, rank patterns, embeddings) with torch 2.13.0 on
transformers 4.51.3 and 5.23.0 (``fixtures/versions/measure_seeds.py``), bfloat16 bases and Conv1D with the newest, and
adapters on bases that lay on a GPU in float32, bfloat16 and float16.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.compare.initial._stream import LANES, normal_words

_OTHER_DRAWS = (
    *(
        "target_parameters",
        "use_bdlora",
        "use_qalora",
        "layer_replication",
        "megatron_config",
        "monteclora_config",
    ),
    *("velora_config", "arrow_config"),
)
"""Options of LoraConfig under which PEFT draws something else (peft 0.21.2, tuners/lora/config.py)."""

_HEADS = (".score.weight", ".classifier.weight", ".qa_outputs.weight")


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of one module, in 32-bit words: ``before`` the kept values, and ``total``.

    ``kept`` is the tensor that holds what was drawn last, ``zeroed`` the one that begins as zero (None when both are
    drawn). ``scale`` is the bound of a uniform and the standard deviation of a normal.
    """

    module: str
    kept: TensorInfo
    zeroed: TensorInfo | None
    kind: Literal["uniform", "normal"]
    scale: float
    before: int
    total: int

    @property
    def deviation(self) -> float:
        """The standard deviation of one value."""
        return self.scale / math.sqrt(3) if self.kind == "uniform" else self.scale

    @property
    def last(self) -> int:
        """How many elements at the end a normal draws anew, after all others."""
        return LANES if self.kind == "normal" and self.kept.elements % LANES else 0


def draws(weights: AdapterWeights, config: AdapterConfig) -> Mapping[str, Draws] | str:
    """Each module's draws in the order of the file, or why they cannot be replayed (a sentence without full stop)."""
    reason = unknown_method(config)
    if reason is not None:
        return reason
    pairs = weights.pairs()
    if not pairs:
        return "the weights hold no LoRA matrices"
    found = {name: made for name, pair in pairs.items() if (made := _of(pair, config)) is not None}
    if len(found) < len(pairs):
        odd = next(name for name in pairs if name not in found)
        return f"what is drawn for {odd} is not known from its shapes"
    return found


def unknown_method(config: AdapterConfig) -> str | None:
    """Why this adapter's initial values cannot be replayed from a seed alone; None when they can."""
    if config.peft_type != "LORA":
        return f"only the draws of LoRA are known, not those of {config.peft_type or 'another method'}"
    way = config.raw.get("init_lora_weights", True)
    if not isinstance(way, bool) and (not isinstance(way, str) or way.lower() != "gaussian"):
        return f"init_lora_weights {way!r:.40} does not begin with numbers drawn from the seed alone"
    odd = next((key for key in _OTHER_DRAWS if config.raw.get(key)), None)
    return None if odd is None else f"{odd} draws other numbers"


def _of(pair: LoraPair, config: AdapterConfig) -> Draws | None:
    a, b = pair.a, pair.b
    if a is None or b is None or min(*a.shape, *b.shape, 1) < 1 or len(a.shape) < 2 or len(b.shape) < 2:
        return None
    return _embedding(pair.module, a, b, config) if pair.is_embedding else _layer(pair.module, a, b, config)


def _layer(module: str, a: TensorInfo, b: TensorInfo, config: AdapterConfig) -> Draws | None:
    way = config.raw.get("init_lora_weights", True)
    bias = b.shape[0] if config.raw.get("lora_bias") is True else 0
    built = a.elements + b.elements + bias
    bound = _bound(math.prod(a.shape[1:]))
    if way is True:
        return Draws(module, a, b, "uniform", bound, built, built + a.elements)
    if way is False:
        return Draws(module, a, None, "uniform", bound, 0, built)
    if a.elements < LANES:
        return None
    return Draws(module, a, b, "normal", 1 / a.shape[0], built, built + normal_words(a.elements))


def _embedding(module: str, a: TensorInfo, b: TensorInfo, config: AdapterConfig) -> Draws | None:
    if min(a.elements, b.elements) < LANES:
        return None
    first, second = normal_words(a.elements), normal_words(b.elements)
    if config.raw.get("init_lora_weights", True) is False:
        return Draws(module, b, None, "normal", 1.0, first, first + second)
    return Draws(module, b, a, "normal", 1.0, first + second, first + 2 * second)


def _bound(fan_in: int) -> float:
    """The bound of ``kaiming_uniform_(a=sqrt(5))`` in torch's own steps, which round as it does (nn/init.py)."""
    gain = math.sqrt(2.0 / (1 + math.sqrt(5) ** 2))
    return math.sqrt(3.0) * (gain / math.sqrt(fan_in))


def head_offsets(weights: AdapterWeights) -> Iterator[int]:
    """Words that may have been drawn before PEFT's own: none, or a new classifier's weight.

    A head that the base lacks is drawn by ``normal_`` when the model is loaded (transformers 5.23.0,
    modeling_utils.py ``_init_weights``); its saved copy tells its size.
    """
    yield 0
    for name in weights.others():
        info = weights.tensors[name]
        if name.endswith(_HEADS) and len(info.shape) == 2 and info.elements >= LANES:
            yield normal_words(info.elements)
