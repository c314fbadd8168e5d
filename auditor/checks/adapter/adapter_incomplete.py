"""A folder holds an adapter's weights without their adapter_config.json, or its checkpoints alone hold weights.

PEFT loads the two as one (peft 0.21.2, peft_model.py, `from_pretrained`). A file under nearly the right name
(another case, a letter of another alphabet) is as good as absent, while a reader takes it for the real one.

Configurations without any weights are the usual case outside model hubs (548 of 945 public ones: git ignores
the weights, or a size limit refused them), so nothing is said of those but that no weights were there to look at.

Wrong when: weights under a name of another program lie beside the configuration.

Fix: save the adapter with `save_pretrained` and commit both files.

Bad:
    adapter_config.json: removed

Good:
    # weights of another program beside the configuration
    adapter_model.safetensors: removed
    adapters.npz: = "arrays of MLX"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Location, Problem, Severity, Skip, name_of
from auditor.runs import Folder, Run

SEVERITY = Severity.ERROR

_CONFIG = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_SUFFIXES = (".safetensors", ".bin", ".pt", ".npz")


def check(run: Run) -> Iterator[Problem | Skip]:
    """By name, whether the files were fetched or not; configurations alone only in the run's own folder."""
    for folder in run.folders:
        weights = next((blob for name in _WEIGHTS if (blob := run.blob(name, folder))), None)
        if weights is not None and run.blob(_CONFIG, folder) is None:
            yield Problem(
                f"{weights.path} has no {_CONFIG} beside it, so PEFT cannot load it",
                Location(weights.path),
                expected=f"{name_of(weights.path)} and {_CONFIG}",
                observed="the weights alone",
            )
    config = run.root.one(AdapterConfig)
    if config is None or not config.is_peft or _holds_weights(run, run.root):
        return
    # Written before training began (axolotl, train.py): save_pretrained with weights sets inference_mode.
    early = config.raw.get("inference_mode") is False
    beside = next((f for f in run.checkpoints if _holds_adapter(run, f) and not early), None)
    if beside is None:
        yield Skip(f"no weights are published beside {config.path}")
    else:
        yield Problem(
            f"{config.path} has no weights beside it, and {name_of(beside.path)} has",
            config.at(),
            expected=" or ".join(_WEIGHTS),
            observed="the configuration alone",
            severity=Severity.NOTE,
        )


def _holds_weights(run: Run, folder: Folder) -> bool:
    return any(
        path.endswith(_SUFFIXES) and name_of(path) != "training_args.bin"
        for path in run.contents.snapshot.inside(folder.path)
    )


def _holds_adapter(run: Run, folder: Folder) -> bool:
    return any(run.blob(name, folder) is not None for name in _WEIGHTS)
