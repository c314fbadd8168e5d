"""Files of one run were written by releases that cannot be the same.

The keys of trainer_state.json (TrainerState in transformers' trainer_callback.py: `best_global_step` from
4.50.0 on) and adapter_config.json (LoraConfig in peft's tuners/lora/config.py: 24 keys in 0.13.2, 41 in
0.21.2), the fields of the training arguments, the names of the modules and the releases that card and event
file state each bound the release of Transformers or PEFT that wrote them. One process writes all files of a
checkpoint, so two that exclude each other come from different runs, or one of them was edited.

Wrong when: the final adapter or its card was saved again later, by a script under another release.

Fix: commit the files of one run together.

Bad:
    repository: seed
    # without the key the state is of transformers 4.49 or older, which has no Gemma 3
    checkpoint-450/trainer_state.json: /best_global_step removed

Good:
    repository: seed
    checkpoint-450/trainer_state.json: /best_global_step = null
"""

from collections.abc import Iterator

from auditor.checks.declared._contradiction import contradictions
from auditor.claims import Ledger
from auditor.model import Location, Problem, Severity, Skip

SEVERITY = Severity.WARNING
CLAIMS = ("transformers_version", "peft_version")


def check(ledger: Ledger) -> Iterator[Problem | Skip]:
    """One finding a library, at the first of the two files."""
    if not any(ledger.get(key) for key in CLAIMS):
        yield Skip("no file tells which release of Transformers or PEFT wrote it")
    for key in CLAIMS:
        claim = ledger.get(key)
        for item in contradictions(claim)[:1] if claim else ():
            yield Problem(item.says, Location(item.paths[0]), evidence=(item.detail,) if item.detail else ())
