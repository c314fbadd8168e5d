"""What every honest run shares: arguments by this release's names, and the folder as a platform would push it."""

import dataclasses
from pathlib import Path
from typing import Any

DATASET = "tiny-labs/words"


class CannotTrainError(Exception):
    """This release of the libraries does not have what a run is about; the text says what."""


def arguments(kind: type, name: str, chosen: dict[str, Any]) -> Any:
    """Training arguments of a class; ``warmup_ratio`` goes by the name that this release has for it."""
    known = {field.name for field in dataclasses.fields(kind)}
    settings: dict[str, Any] = {
        "output_dir": f"runs/{name}",
        "per_device_train_batch_size": 2,
        "num_train_epochs": 2,
        "learning_rate": 1e-3,
        "logging_steps": 1,
        "save_steps": 4,
        "report_to": ["tensorboard"],
        "use_cpu": True,
        **chosen,
    }
    if "warmup_ratio" in settings and "warmup_ratio" not in known:
        settings["warmup_steps"] = settings.pop("warmup_ratio")
    missing = sorted(settings.keys() - known)
    if missing:
        raise CannotTrainError(f"{kind.__name__} has no {', '.join(missing)}")
    return kind(**settings)


def publish(trainer: Any, name: str, base: str, state: bool = False) -> None:
    """What a platform does after training: save, write the trainer's card, fill in its front matter."""
    from huggingface_hub import ModelCard

    trainer.save_model()
    if state:
        trainer.save_state()
    trainer.create_model_card(model_name=name)
    path = Path("runs") / name / "README.md"
    card = ModelCard.load(path, ignore_metadata_errors=True)
    card.data.license = "apache-2.0"
    card.data.datasets = [DATASET]
    if not card.data.base_model:
        card.data.base_model = base
    card.save(path)
