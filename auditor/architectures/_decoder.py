"""What decoder-only families share: sizes, the attention and gated feed-forward of Llama, and their heads."""

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.architectures._parts import Build, Module, embedding, linear, output_head, parameters
from auditor.artifacts._model_settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Sizes:
    """Elements: ``queries`` and ``keys`` are all heads of one kind together."""

    width: int
    inner: int
    layers: int
    head_dim: int
    queries: int
    keys: int
    vocabulary: int


def sizes(settings: ModelSettings) -> Sizes:
    """The usual keys; null key-value heads are the heads, a null head_dim is hidden_size // heads."""
    width, heads = settings.size("hidden_size"), settings.size("num_attention_heads")
    head_dim = settings.size_or("head_dim", max(width // heads, 1))
    return Sizes(
        width,
        settings.size("intermediate_size"),
        settings.layers("num_hidden_layers"),
        head_dim,
        heads * head_dim,
        settings.size_or("num_key_value_heads", heads) * head_dim,
        settings.size("vocab_size"),
    )


def attention(path: str, s: Sizes, in_bias: bool = False, out_bias: bool = False) -> Iterator[Module]:
    """self_attn with separate q, k, v and o."""
    yield linear(f"{path}.self_attn.q_proj", s.width, s.queries, in_bias)
    yield linear(f"{path}.self_attn.k_proj", s.width, s.keys, in_bias)
    yield linear(f"{path}.self_attn.v_proj", s.width, s.keys, in_bias)
    yield linear(f"{path}.self_attn.o_proj", s.queries, s.width, out_bias)


def gated(path: str, width: int, inner: int, bias: bool = False) -> Iterator[Module]:
    """gate_proj, up_proj and down_proj."""
    yield linear(f"{path}.gate_proj", width, inner, bias)
    yield linear(f"{path}.up_proj", width, inner, bias)
    yield linear(f"{path}.down_proj", inner, width, bias)


def llama_like(
    settings: ModelSettings,
    build: Build,
    *,
    in_bias: bool = False,
    out_bias: bool = False,
    mlp_bias: bool = False,
    norms: int | None = None,
    trunk: str = "model",
) -> Iterator[Module]:
    """A whole model of the Llama shape; ``norms`` are the norm parameters of one layer (two of the width)."""
    s = sizes(settings)
    path = build.inside(trunk)
    yield embedding(f"{path}embed_tokens", s.vocabulary, s.width)
    for layer in range(s.layers):
        yield from attention(f"{path}layers.{layer}", s, in_bias, out_bias)
        yield from gated(f"{path}layers.{layer}.mlp", s.width, s.inner, mlp_bias)
    yield parameters(s.layers * (2 * s.width if norms is None else norms) + s.width)
    yield from heads(build, s.width, s.vocabulary)


def heads(
    build: Build, width: int, vocabulary: int, name: str = "lm_head", bias: bool = False
) -> Iterator[Module]:
    """lm_head, or the ``score`` of GenericForSequenceClassification and GenericForTokenClassification."""
    if build.role == "causal":
        yield output_head(build, name, width, vocabulary, bias)
    elif build.role in ("sequence", "token"):
        yield linear("score", width, build.labels, build.role == "token", "task")
    elif build.role != "trunk":
        raise build.unknown_role()
