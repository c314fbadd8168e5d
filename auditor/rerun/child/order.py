"""What a script's own Trainer does otherwise: the order in which examples are drawn, and whose mean a loss is."""

from typing import Any

from .extras import SEQUENTIAL
from .job import Settings
from .libraries import torch


def ordered(trainer: Any, settings: Settings) -> Any:
    """Returns the Trainer, which draws examples one after the other where the settings say ``sequential``.

    Its own sampler is replaced as a script does that overrides ``_get_train_sampler``: releases up to 5.0 have no
    argument for it (transformers 5.23.0, trainer.py: the same SequentialSampler).
    """
    if settings.train_sampling_strategy == SEQUENTIAL:

        def sampler(dataset: Any = None) -> Any:
            return torch.utils.data.SequentialSampler(trainer.train_dataset if dataset is None else dataset)

        trainer._get_train_sampler = sampler
    return trainer


def averaged(trainer: Any, settings: Settings) -> Any:
    """Returns the Trainer, which averages each micro-batch's loss by itself where no number of labels is accepted.

    Releases before 4.46 do so always (transformers 5.23.0, trainer.py, ``training_step``).
    """
    if not settings.model_accepts_loss_kwargs:
        trainer.model_accepts_loss_kwargs = False
    return trainer
