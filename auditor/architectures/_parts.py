"""The pieces of a model: modules that an adapter can wrap, and bare parameters that only count."""

from dataclasses import dataclass
from typing import Literal

from auditor.artifacts._model_settings import UnknownSettingError

Tower = Literal["text", "vision", "audio", "head", "task", "projector"]
"""``head`` is the output matrix over the vocabulary, ``task`` a classifier."""
Kind = Literal["linear", "conv1d", "embedding", "convolution", "parameters", "opaque"]
"""``conv1d`` is the transposed linear of GPT-2, ``opaque`` a part whose inside is not known."""
Role = Literal[
    "causal", "conditional", "masked", "sequence", "token", "question", "image", "trunk", "pretraining"
]
"""What a class adds to the trunk of its architecture."""


@dataclass(frozen=True, slots=True)
class Module:
    """One module and its parameters; ``name`` is the library's.

    A linear's weight has ``in_features x out_features`` elements, an embedding's ``in_features`` (rows) times
    ``out_features`` (width). ``elements`` counts weight and bias, without a weight that is shared with another module.
    """

    name: str
    kind: Kind
    in_features: int
    out_features: int
    tower: Tower
    bias: bool = False
    elements: int = 0

    @property
    def is_linear(self) -> bool:
        """Whether PEFT's ``all-linear`` means it (peft 0.21.2, tuners/tuners_utils.py)."""
        return self.kind in ("linear", "conv1d")

    def lora_parameters(self, rank: int) -> int:
        """Elements of lora_A and lora_B together (lora_embedding_A and _B for an embedding)."""
        return rank * (self.in_features + self.out_features)


@dataclass(frozen=True, slots=True)
class Build:
    """What is built: a role, in one generation of the library, its output head tied or not."""

    role: Role
    generation: str
    tied: bool | None
    labels: int

    def inside(self, prefix: str) -> str:
        """The path of the trunk: a class with a head holds it under ``prefix``, a bare trunk is it."""
        return "" if self.role == "trunk" else f"{prefix}."

    def unknown_role(self) -> UnknownSettingError:
        """Raised by a family that has no such class, or whose class was not verified."""
        return UnknownSettingError(f"the {self.role} class of this model type is not known")


def linear(name: str, inputs: int, outputs: int, bias: bool = False, tower: Tower = "text") -> Module:
    """An nn.Linear."""
    elements = inputs * outputs + (outputs if bias else 0)
    return Module(name, "linear", inputs, outputs, tower, bias, elements)


def conv1d(name: str, inputs: int, outputs: int, tower: Tower = "text") -> Module:
    """A transformers Conv1D, which always has a bias."""
    return Module(name, "conv1d", inputs, outputs, tower, True, inputs * outputs + outputs)


def embedding(name: str, rows: int, width: int, tower: Tower = "text", shared: bool = False) -> Module:
    """An nn.Embedding, whose weight num_parameters(exclude_embeddings=True) leaves out."""
    return Module(name, "embedding", rows, width, tower, False, 0 if shared else rows * width)


def convolution(name: str, inputs: int, outputs: int, kernel: int, bias: bool, tower: Tower) -> Module:
    """An nn.Conv1d or nn.Conv2d; ``kernel`` is the number of weights of one input-output pair."""
    elements = inputs * outputs * kernel + (outputs if bias else 0)
    return Module(name, "convolution", inputs, outputs, tower, bias, elements)


def parameters(elements: int, tower: Tower = "text") -> Module:
    """Parameters no adapter of linear modules touches: norms, class tokens, experts stacked in one tensor."""
    return Module("", "parameters", 0, 0, tower, False, elements)


def opaque(name: str, tower: Tower) -> Module:
    """A sub-model whose modules are not known: counts of the whole are unknown, the rest is not."""
    return Module(name, "opaque", 0, 0, tower)


def output_head(build: Build, name: str, width: int, vocabulary: int, bias: bool = False) -> Module:
    """The output matrix; tied, only its bias is its own."""
    if build.tied is None:
        raise UnknownSettingError("whether the output head is tied is not known")
    weight = 0 if build.tied else width * vocabulary
    return Module(name, "linear", width, vocabulary, "head", bias, weight + (vocabulary if bias else 0))
