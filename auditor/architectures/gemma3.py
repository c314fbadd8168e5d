"""Gemma 3 with images: SigLIP, a projector and the language model, named differently by three generations.

transformers 4.50 to 4.51 hold a whole causal model in ``language_model``, 4.52 moves the parts under ``model`` and the
head to the top, 5 drops SigLIP's inner ``vision_model`` (models/gemma3/modeling_gemma3.py).
"""

from collections.abc import Iterator
from dataclasses import replace

from auditor.architectures import gemma3_text
from auditor.architectures._parts import Build, Module, parameters
from auditor.architectures._siglip import tower
from auditor.artifacts._model_settings import ModelSettings

GENERATIONS = ("4.50 to 4.51", "4.52 to 4.57", "5")


def modules(settings: ModelSettings, build: Build) -> Iterator[Module]:
    """Every module of the model; the role `causal` is the language model alone, as Gemma3ForCausalLM builds it."""
    text = settings.part("text_config", "gemma3_text")
    if build.role == "causal":
        yield from gemma3_text.modules(text, build)
        return
    if build.role != "conditional":
        raise build.unknown_role()
    old = build.generation == "4.50 to 4.51"
    outer, trunk = ("", "language_model.model") if old else ("model.", "model.language_model")
    vision = settings.part("vision_config", "siglip_vision_model")
    inner = "" if build.generation == "5" else "vision_model."
    yield from tower(vision, f"{outer}vision_tower.{inner}")
    # Gemma3MultiModalProjector: mm_input_projection_weight (vision x text) and mm_soft_emb_norm (vision).
    width = vision.size("hidden_size")
    yield parameters(width * text.size("hidden_size") + width, "projector")
    *language, head = gemma3_text.modules(text, replace(build, role="causal"), trunk)
    yield from language
    yield replace(head, name="language_model.lm_head" if old else "lm_head")
