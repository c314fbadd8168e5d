"""Some releases of transformers and PEFT load only part of this adapter, or nothing, without stopping.

transformers 4.52 renamed the modules of 17 classes for images and text (`_checkpoint_conversion_mapping` of the
class), and an adapter written before holds the old names. PEFT maps them from 0.16 on (peft 0.21.2,
peft_model.py, `from_pretrained`). Measured with Gemma 3, LLaVA
and Qwen2-VL: under transformers 4.52 and newer, PEFT 0.13 loads none of it and says nothing, 0.15 loads none of it
and warns, 0.16 and newer load all up to transformers 5.2. A configuration key that PEFT does not know stops 0.6 to
0.13, while 0.14 and newer leave it out with a warning, so that they build another adapter than was trained.

Wrong when: the tensor names were changed after training.

Fix: state the releases in the model card, or load the adapter with releases that load all of it and save it again
with current ones.

Bad:
    adapter_config.json: /auto_mapping = {"base_model_class": "Gemma3ForConditionalGeneration"}
    adapter_config.json: /target_parameters = ["mlp.experts.gate_up_proj"]

Good:
    adapter_config.json: /auto_mapping = {"base_model_class": "Gemma3ForConditionalGeneration"}
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.versions import Renaming, renaming
from auditor.checks._versions import proven
from auditor.checks.adapter._load_window import MEASURED, of_features, of_renamed
from auditor.claims import Ledger
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.NOTE


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """Tensor names decide where they were read; else the releases that the other files prove."""
    config = run.one(AdapterConfig)
    if config is None or not config.is_peft:
        yield Skip("the run holds no configuration of PEFT")
        return
    for window in of_features(config):
        yield Problem(window.says, config.at(window.member))
    name = config.base_model_class or next(iter(run.base.architectures if run.base else ()), None)
    renamed = renaming(name)
    if name is None:
        yield Skip("neither the adapter nor a base configuration at hand names the model class")
    elif renamed is not None:
        yield from _renamed(run, ledger, config, name, renamed)


def _renamed(
    run: Run, ledger: Ledger, config: AdapterConfig, name: str, renamed: Renaming
) -> Iterator[Problem | Skip]:
    weights, written = run.one(AdapterWeights), proven(ledger, "transformers_version")
    if weights is not None:
        old = any(renamed.is_old(module) for module in weights.pairs())
        told = f"the tensors of {weights.path} have the names of transformers {renamed.last} or older"
    elif written is not None:
        old = written.at_most(renamed.last)
        told = f"the other files were written by transformers {written}; the tensors themselves were not read"
    else:
        yield Skip("neither the tensors nor the release of transformers are known")
        return
    if old:
        tested = MEASURED.get(name, f"not tested with {name}; measured with Gemma 3, LLaVA and Qwen2-VL")
        yield Problem(of_renamed(config, name, renamed).says, config.at(), evidence=(told, tested))
