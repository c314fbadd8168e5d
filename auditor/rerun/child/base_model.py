"""The frozen base model: loaded from a local folder, quantised when the recipe says so, kept between jobs."""

import gc
from pathlib import Path
from typing import Any

from safetensors import safe_open

from .job import Job, JobError, Settings
from .libraries import peft, torch, transformers
from .patches import is_flat, key_mapping, place

_INIT_KEEPS_BASE = (True, False, "gaussian", "orthogonal")
"""The other ways to begin an adapter (pissa, olora, loftq, eva, corda) rewrite the base's own weights."""


class Base:
    """Keeps the last base model loaded, because loading and quantising it costs as much as a short run."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._model: Any = None
        self.is_tight = False
        """Whether activations of some job did not fit, so that the later ones recompute theirs from the beginning."""

    @property
    def can_recompute(self) -> bool:
        """Whether the model that is loaded knows gradient checkpointing; False while none is loaded."""
        return bool(getattr(self._model, "supports_gradient_checkpointing", False))

    def get(self, job: Job) -> Any:
        """Returns a job's frozen base without an adapter; the one kept is freed first when it is another."""
        s = job.settings
        # An adapter that was taken off leaves its base frozen.
        how = (
            s.quantization,
            s.bnb_4bit_quant_type,
            s.bnb_4bit_use_double_quant,
            s.compute_dtype,
            s.peft_type,
        )
        key = (job.base.resolve(), how, job.checkpointing, s.attn_implementation, s.dtype, s.cast_to)
        if key != self._key:
            self.drop()
            self._model = load_base(job.base, s, job.checkpointing)
            self._key = key
        return self._model

    @staticmethod
    def serves_again(settings: Settings) -> bool:
        """Whether a base is as it was after a training: none of its own tensors is trained or rewritten, or patched."""
        adapter = (
            settings.peft_type is not None and settings.trainer == "reference"
        )  # TRL patches the base's forward
        untouched = adapter and settings.bias == "none" and settings.modules_to_save is None
        kept = settings.init_lora_weights in _INIT_KEEPS_BASE and not _was_laid_out_anew(settings)
        return untouched and kept

    def take_back(self, model: Any, settings: Settings) -> None:
        """Takes the adapter off again, or drops a base whose own tensors the recipe trains or rewrites."""
        if not self.serves_again(settings):
            self.drop()
            return
        self._model = model.unload()
        vars(self._model).pop("peft_config", None)  # left by peft, which would warn at the next adapter

    def drop(self) -> None:
        """Frees the base that is kept, if any."""
        self._key = self._model = None
        gc.collect()
        torch.cuda.empty_cache()  # without a GPU this does nothing


def _was_laid_out_anew(settings: Settings) -> bool:
    """Whether a pass in eval mode may have rounded the scales of a base in 4 bits for good.

    For its layout on a CPU with AVX512-BF16 bitsandbytes keeps them in bfloat16, and what it makes of them afterwards
    are others (bitsandbytes 0.50.2, functional.py, ``_convert_weight_packed_for_cpu_inverse``): the next job would
    train on another base.
    """
    return settings.quantization == "int4" and bool(settings.evaluations) and not torch.cuda.is_available()


def load_base(folder: Path, settings: Settings, checkpointing: bool) -> Any:
    """Returns the model of a local folder by its own architecture, quantised when the settings say so.

    Raises JobError when a weight of the model is not in the folder: the libraries would draw it anew.
    """
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    multimodal = hasattr(config, "vision_config")
    auto = transformers.AutoModelForImageTextToText if multimodal else transformers.AutoModelForCausalLM
    release = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    dtype = settings.dtype if settings.dtype == "auto" else getattr(torch, settings.dtype)
    options: dict[str, Any] = {"dtype" if release >= (4, 56) else "torch_dtype": dtype}
    if settings.quantization is not None:
        options["quantization_config"] = quantization_config(settings)
        options["device_map"] = {"": 0 if torch.cuda.is_available() else "cpu"}
    if release >= (4, 36):  # older ones have eager attention alone
        options["attn_implementation"] = settings.attn_implementation
    mapping = _renamed(folder, config, auto)
    if mapping:
        options["key_mapping"] = mapping
    model, told = auto.from_pretrained(
        folder, trust_remote_code=False, use_safetensors=True, output_loading_info=True, **options
    )
    missing = sorted(told["missing_keys"])
    if missing:
        raise JobError(
            f"the base model's folder lacks {len(missing)} of the model's tensors, such as {missing[0]}, "
            f"by the names that transformers {transformers.__version__} knows"
        )
    if settings.quantization is not None and settings.trainer == "reference":  # TRL prepares nothing
        model = peft.prepare_model_for_kbit_training(model, checkpointing, {"use_reentrant": False})
    if settings.cast_to is not None and settings.quantization is None:
        model = model.to(getattr(torch, settings.cast_to))
    place(model)
    model.config.use_cache = False
    return model


def _renamed(folder: Path, config: Any, auto: Any) -> dict[str, str]:
    """Patterns for a base that another release saved under other names."""
    saved: list[str] = []
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            saved.extend(file.keys())
    if not is_flat(saved):
        return {}
    with torch.device("meta"):
        model = auto.from_config(config)
    return key_mapping(saved, model.state_dict(), getattr(type(model), "_checkpoint_conversion_mapping", {}))


def quantization_config(settings: Settings) -> Any:
    """Returns bitsandbytes' configuration for int4 or int8."""
    if settings.quantization == "int8":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=settings.bnb_4bit_quant_type,
        bnb_4bit_use_double_quant=settings.bnb_4bit_use_double_quant,
        bnb_4bit_compute_dtype=settings.compute_dtype,
    )
