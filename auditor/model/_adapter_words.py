"""The words for an adapter that was looked into: its modules, tensors and settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Condition:
    """What is unusual about a module. ``word`` is missing, incomplete, dead, half-trained, duplicate, exploded,
    not finite or a like word; ``says`` is one sentence with the reason.
    """

    word: str
    says: str


@dataclass(frozen=True, slots=True)
class ModuleInspection:
    """One module that an adapter changes.

    ``group`` is what stands before the layer's number in the name, ``kind`` what stands behind it; ``shape`` is
    (out, in) of the effective update dW = scaling * B A, in the base model's weight units. ``norm`` is its
    Frobenius norm, ``spectrum`` its min(rank, out, in) singular values, largest first, ``effective_rank`` exp of the
    entropy of their shares (Roy and Vetterli 2007; 0 for no update, at most the rank). While ``scaling`` is None,
    these are of B A itself. ``largest_a`` and ``largest_b`` are the largest finite absolute values of the factors as
    stored, ``nan`` and ``infinite`` count the others. ``why`` says why a number is None, NaN or doubtful.
    """

    module: str
    group: str = ""
    layer: int | None = None
    kind: str = ""
    shape: tuple[int, int] | None = None
    rank: int | None = None
    scaling: float | None = None
    parameters: int = 0
    dtypes: tuple[str, ...] = ()
    norm: float | None = None
    spectrum: Sequence[float] = ()
    effective_rank: float | None = None
    largest_a: float | None = None
    largest_b: float | None = None
    nan: int = 0
    infinite: int = 0
    conditions: tuple[Condition, ...] = ()
    why: str | None = None

    def has(self, word: str) -> bool:
        """Whether a condition of that word was found."""
        return any(condition.word == word for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class TensorInspection:
    """One tensor as stored: ``dtype`` in the format's spelling (F32, BF16), ``bytes`` of its data in the file.

    ``why`` says why its numbers are not read; a sparse or quantized one has the dtype of what is stored and 0 bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    module: str = ""
    part: str = ""
    why: str | None = None


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """What adapter_config.json says, in its own words. ``loads_with`` are sentences about PEFT and Transformers."""

    path: str
    peft_type: str | None = None
    r: int | None = None
    lora_alpha: float | None = None
    lora_dropout: float | None = None
    target_modules: tuple[str, ...] | str | None = None
    modules_to_save: tuple[str, ...] = ()
    task_type: str | None = None
    base_model_name_or_path: str | None = None
    use_rslora: bool = False
    use_dora: bool = False
    init_lora_weights: bool | str | None = None
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    peft_version: str | None = None
    loads_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AdapterInspection:
    """The weights of one folder, with their configuration.

    ``folder`` is "" at the root of the repository; ``step`` is N in a folder named checkpoint-N. ``kind`` is adapter
    or model. ``norm`` is the Frobenius norm over all modules. ``identity`` is the digest that proves two files equal.
    """

    folder: str
    step: int | None = None
    kind: str = "adapter"
    path: str | None = None
    settings: AdapterSettings | None = None
    format: str | None = None
    bytes: int | None = None
    identity: str | None = None
    dtypes: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    parameters: int | None = None
    modules: tuple[ModuleInspection, ...] = ()
    tensors: tuple[TensorInspection, ...] = ()
    outside: tuple[str, ...] = ()
    """Names of tensors that are no LoRA factors: heads, biases, copies of the base."""
    norm: float | None = None
    effective_rank: float | None = None
    """The median over the modules whose update is not zero."""
    largest_a: float | None = None
    largest_b: float | None = None
    why: str | None = None

    def with_condition(self, word: str) -> tuple[ModuleInspection, ...]:
        """The modules that have a condition of that word."""
        return tuple(module for module in self.modules if module.has(word))
