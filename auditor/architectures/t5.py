"""T5 and FLAN-T5: shared embedding, relative positions in the first block, plain or gated feed-forward (models/t5).

The stacks' own ``embed_tokens`` are the shared module itself in transformers 4 and tied modules in 5. 5 overrides an
untied head in the file, yet keeps it untied for a checkpoint that holds both matrices (modeling_utils.py,
``tie_weights``), as FLAN-T5's do: the file's word is taken for both.
"""

from collections.abc import Iterator

from auditor.architectures._parts import Build, Module, embedding, linear, output_head, parameters
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = ("4", "5")


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model."""
    if build.role not in ("conditional", "trunk"):
        raise build.unknown_role()
    width, vocabulary = settings.size("d_model"), settings.size("vocab_size")
    layers = settings.layers("num_layers")
    yield embedding("shared", vocabulary, width)
    for name, count in (("encoder", layers), ("decoder", settings.size_or("num_decoder_layers", layers))):
        if build.generation == "5":
            yield embedding(f"{name}.embed_tokens", vocabulary, width, shared=True)
        yield from _stack(settings, name, count)
    if build.role == "conditional":
        yield output_head(build, "lm_head", width, vocabulary)


def _stack(settings: ModelSettings, name: str, blocks: int) -> Iterator[Module]:
    width, inner = settings.size("d_model"), settings.size("d_ff")
    heads = settings.size("num_heads")
    spread = heads * settings.size("d_kv")
    attentions = ("SelfAttention", "EncDecAttention") if name == "decoder" else ("SelfAttention",)
    gated = str(settings.given("feed_forward_proj")).startswith("gated-")
    for block in range(blocks):
        at = f"{name}.block.{block}.layer"
        for number, attention in enumerate(attentions):
            for part in ("q", "k", "v"):
                yield linear(f"{at}.{number}.{attention}.{part}", width, spread)
            yield linear(f"{at}.{number}.{attention}.o", spread, width)
            if block == number == 0:
                buckets = settings.size("relative_attention_num_buckets")
                yield embedding(f"{at}.0.SelfAttention.relative_attention_bias", buckets, heads)
        for part in ("wi_0", "wi_1") if gated else ("wi",):
            yield linear(f"{at}.{len(attentions)}.DenseReluDense.{part}", width, inner)
        yield linear(f"{at}.{len(attentions)}.DenseReluDense.wo", inner, width)
    yield parameters(blocks * (len(attentions) + 1) * width + width)
