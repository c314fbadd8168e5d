"""Which releases of transformers and PEFT load this adapter as it was trained.

transformers 4.52 renamed the modules of Gemma3ForConditionalGeneration. An adapter written by 4.51 or
older holds the old names; PEFT maps them from 0.16 on (peft 0.21.2, peft_model.py, `from_pretrained` reads
the model's `_checkpoint_conversion_mapping`). Measured with transformers 4.51.3 and peft
0.13.2 as writer: transformers 4.52.4 with peft 0.13.2 loads none of it and says nothing, with 0.15.2
none of it and warns, with 0.17.1 all of it; transformers 5.23.0 with peft 0.21.2 loads all but lm_head.

Wrong when: the tensor names were changed after training.

Fix: pin the versions in the model card, or load the adapter in its window and save it again with
current releases.

Bad:
    # tensors named as transformers 4.51 and older name the modules of Gemma 3
    adapter_config.json: /auto_mapping = {"base_model_class": "Gemma3ForConditionalGeneration"}
    adapter_model.safetensors: tensor * renamed "model.language_model" -> "language_model.model"

Good:
    adapter_config.json: /auto_mapping = {"base_model_class": "Gemma3ForConditionalGeneration"}
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._versions import proven
from auditor.claims import Ledger
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.NOTE

_RENAMED = "Gemma3ForConditionalGeneration"
_LAST_OLD = "4.51.3"
"""Last release with the old names (measured: 4.51.3 has them, 4.52.4 does not)."""


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """Tensor names decide where they were read; else the releases that the other files prove."""
    config = run.one(AdapterConfig)
    if config is None or config.base_model_class != _RENAMED:
        yield Skip(f"only the renaming inside {_RENAMED} is known, and the adapter does not name that class")
        return
    weights = run.one(AdapterWeights)
    written = proven(ledger, "transformers_version")
    if weights is not None:
        old = any(name.startswith("language_model.model.") for name in weights.pairs())
        told = f"the tensors of {weights.path} have the names of transformers 4.51 or older"
    elif written is not None:
        old = written.at_most(_LAST_OLD)
        told = f"the other files were written by transformers {written}; the tensors themselves were not read"
    else:
        yield Skip("neither the tensors nor the release of transformers are known")
        return
    if old:
        head = " (without lm_head from transformers 5 on)" if config.targets("lm_head") else ""
        yield Problem(
            "the adapter loads as trained with transformers 4.51 or older; with 4.52 or newer it "
            "needs PEFT 0.16 or "
            f"newer{head}, and older PEFT serves the base model alone",
            config.at(),
            evidence=(told,),
        )
