"""The adapter is for a multimodal model, and no processor file is beside it.

A pipeline for image and text loads a processor, not only a tokenizer. PEFT and the Trainer save the latter
alone unless the processor was passed as `processing_class` (transformers 4.51.3, trainer.py), so images can
only be read with the base's own files.

Wrong when: the adapter is used with text only, or loaded together with its base.

Fix: save the processor beside the adapter (`processor.save_pretrained`), or say in the card to load it from
the base.

Bad:
    tokenizer_config.json: /processor_class = "Gemma3Processor"

Good:
    tokenizer_config.json: /processor_class = "Gemma3Processor"
    processor_config.json: = "{}"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.model import Problem, Severity
from auditor.runs import Run

SEVERITY = Severity.NOTE

_FILES = ("preprocessor_config.json", "processor_config.json", "image_processor_config.json")
_MULTIMODAL = ("ForConditionalGeneration", "ForImageTextToText", "ForVision2Seq")
_TEXT_OR_AUDIO = ("T5", "Bart", "Pegasus", "Whisper", "MBart", "Speech", "Led", "Prophet")


def check(run: Run) -> Iterator[Problem]:
    """A run's own folder with a tokenizer, an adapter of a multimodal class, and none of the processor's files."""
    config, tokenizer = run.root.one(AdapterConfig), run.root.one(TokenizerConfig)
    if config is None or tokenizer is None or not _is_multimodal(config, tokenizer):
        return
    if any(run.blob(name) is not None for name in _FILES):
        return
    named = config.base_model_class or tokenizer.processor_class
    yield Problem(
        f"the adapter is for {named}, and none of the processor's files is beside the tokenizer",
        config.at("/auto_mapping/base_model_class")
        if config.base_model_class
        else tokenizer.at("/processor_class"),
        expected=" or ".join(_FILES[:2]),
        observed="tokenizer files only",
    )


def _is_multimodal(config: AdapterConfig, tokenizer: TokenizerConfig) -> bool:
    name = config.base_model_class or ""
    if name:
        return name.endswith(_MULTIMODAL) and not any(word in name for word in _TEXT_OR_AUDIO)
    return (tokenizer.processor_class or "").endswith("Processor") and config.task_type != "SEQ_2_SEQ_LM"
