"""How many rows an optimizer step took, from the rates that the Trainer logs when training ends.

Samples and steps a second are both counts by one runtime, rounded to three digits, the runtime to four (transformers
4.36.2 to 5.23.0, trainer_utils.py, ``speed_metrics``). Their quotient is the samples of the whole schedule by its steps
(trainer.py, `_inner_training_loop`; 5.23.0, `_finalize_training`, scales both by the share that was trained). With
``max_steps`` given the samples are the steps times the rows of a step, else the examples times the epochs, which a last
step of an epoch with fewer rows makes smaller.
"""

import math
from collections.abc import Mapping

RATES, RUNTIME = 5e-4, 5e-5
"""Half of the last digit of rates (a second) and of the runtime (seconds)."""

Interval = tuple[float, float]

_LOADERS = {
    "num_generations": "a trainer that generates repeats its prompts within an epoch",
    "sample_packing": "packed rows are counted as examples, and not as rows of a step",
    "multi_dataset_batch_sampler": "a sampler of several data sets may leave out rows",
}
"""Arguments of trainers whose epochs have other rows than examples: trl 1.16.0 (GRPOConfig), axolotl
(`MultipackBatchSampler`), sentence-transformers (training_args.py, `MultiDatasetBatchSamplers`)."""


def own_loader(arguments: Mapping[str, object]) -> str | None:
    """Why the rates of epochs tell nothing of a step's rows; None where the arguments ask for no such loader.

    Where ``max_steps`` is given the samples are counted by steps, so that no loader matters.
    """
    return next((why for key, why in _LOADERS.items() if arguments.get(key)), None)


def rows_a_step(samples: float, rate: float, seconds: float | None, steps: int) -> Interval | None:
    """Samples / steps, as their roundings allow; the runtime sharpens it where it is of all ``steps``.

    ``samples`` and ``rate`` are a second; None where they tell nothing.
    """
    if not (math.isfinite(samples) and math.isfinite(rate)) or samples <= RATES or rate <= RATES:
        return None
    low, high = (samples - RATES) / (rate + RATES), (samples + RATES) / (rate - RATES)
    if seconds is None or not math.isfinite(seconds) or seconds <= RUNTIME or steps < 1:
        return low, high
    first, last = seconds - RUNTIME, seconds + RUNTIME
    if (rate - RATES) * first <= steps <= (rate + RATES) * last:
        low = max(low, (samples - RATES) * first / steps)
        high = min(high, (samples + RATES) * last / steps)
    return (low, high) if low <= high else None


def full_rows_a_step(held: Interval, steps: int, epochs: float) -> Interval | None:
    """The rows of a full step, where ``held`` is an average over epochs whose last step may be smaller or left out.

    Releases before 4.46 leave out what an epoch has over. None where epochs are too short to tell.
    """
    if 1 + epochs >= steps:
        return None
    return held[0] / (1 + epochs / steps), held[1] / (1 - (1 + epochs) / steps)
