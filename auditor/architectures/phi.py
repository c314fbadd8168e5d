"""Phi-1, 1.5 and 2: attention and feed-forward side by side behind one norm, every linear with a bias (models/phi)."""

from collections.abc import Iterator

from auditor.architectures._decoder import heads, sizes
from auditor.architectures._parts import Build, Module, embedding, linear, parameters
from auditor.artifacts._model_settings import ModelSettings


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model; the head has a bias too."""
    if build.role == "token":
        raise build.unknown_role()
    s, path = sizes(settings), build.inside("model")
    yield embedding(f"{path}embed_tokens", s.vocabulary, s.width)
    for layer in range(s.layers):
        at = f"{path}layers.{layer}"
        yield linear(f"{at}.self_attn.q_proj", s.width, s.queries, True)
        yield linear(f"{at}.self_attn.k_proj", s.width, s.keys, True)
        yield linear(f"{at}.self_attn.v_proj", s.width, s.keys, True)
        yield linear(f"{at}.self_attn.dense", s.queries, s.width, True)
        yield linear(f"{at}.mlp.fc1", s.width, s.inner, True)
        yield linear(f"{at}.mlp.fc2", s.inner, s.width, True)
    norms = 2 * s.width + (4 * s.head_dim if settings.flag("qk_layernorm") else 0)
    yield parameters(s.layers * norms + 2 * s.width)
    yield from heads(build, s.width, s.vocabulary, bias=True)
