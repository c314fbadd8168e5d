"""What every honest run shares: arguments by this release's names, and the folder as a platform would push it."""

import dataclasses
import inspect
import os
from pathlib import Path
from typing import Any

DATASET = "tiny-labs/words"
GPU = "HONEST_GPU" in os.environ
OTHER_NAMES = {
    "warmup_ratio": "warmup_steps",
    "max_length": "max_seq_length",
    "eval_strategy": "evaluation_strategy",
}
"""Arguments that were renamed: the name used here, and the one that newer or older releases have for it."""


class CannotTrainError(Exception):
    """This release of the libraries does not have what a run is about; the text says what."""


def arguments(kind: type, name: str, chosen: dict[str, Any]) -> Any:
    """Training arguments of a class by the names that this release has for them."""
    known = {field.name for field in dataclasses.fields(kind)}
    settings: dict[str, Any] = {
        "output_dir": f"runs/{name}",
        "per_device_train_batch_size": 2,
        "num_train_epochs": 2,
        "learning_rate": 1e-3,
        "logging_steps": 1,
        "save_steps": 4,
        "report_to": ["tensorboard"],
        "use_cpu": not GPU,
        **chosen,
    }
    for one, other in OTHER_NAMES.items():
        if one in settings and one not in known and other in known:
            settings[other] = settings.pop(one)
    if settings.get("fp16") and not GPU:
        raise CannotTrainError("mixed precision in fp16 needs a GPU (HONEST_GPU)")
    missing = sorted(settings.keys() - known)
    if missing:
        raise CannotTrainError(f"{kind.__name__} has no {', '.join(missing)}")
    return kind(**settings)


def tokenizer_for(trainer: type, encoder: Any) -> dict[str, Any]:
    """The tokenizer as the argument that this release's trainer takes it by (``tokenizer`` before 4.46)."""
    taken = inspect.signature(trainer.__init__).parameters  # type: ignore[misc]
    old = "tokenizer" in taken and "processing_class" not in taken
    return {"tokenizer" if old else "processing_class": encoder}


def publish(trainer: Any, name: str, base: str, state: bool = False) -> None:
    """What a platform does after training: save, write the trainer's card, fill in its front matter."""
    from huggingface_hub import ModelCard

    trainer.save_model()
    if state:
        trainer.save_state()
    if not trainer.is_world_process_zero():
        return
    trainer.create_model_card(model_name=name)
    path = Path("runs") / name / "README.md"
    card = ModelCard.load(path, ignore_metadata_errors=True)
    card.data.license = "apache-2.0"
    card.data.datasets = [DATASET]
    if not card.data.base_model:
        card.data.base_model = base
    card.save(path)
