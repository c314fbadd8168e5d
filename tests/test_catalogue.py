"""Every entry of the catalogue of checks is decided: by a rule, by a test of the ledger, or with the reason why not.

The ids are those of the catalogue from which the rules were made (C declared config, A adapter, B base model, K trainer
state, X total_flos, S scheduler and optimizer, W weights, T tokenizer, R event files, M card, G git and provenance,
Z safety, V versions): 161, of which two (A10, A20) record what must not be concluded.
"""

import pytest

from auditor import discover
from auditor.engine import _evidence, _rules

DECIDED = """
C01 declared-value-contradicted declared-against-adapter-config
C02 task-type-not-applied
C03 declared-value-contradicted declared-against-adapter-config
C04 declared-value-contradicted targets-from-structure
C05 quantization-unattested quantization-from-event-text
C06 loftq-config-inert
C07 precision-contradicted precision-from-scaler
C08 precision-contradicted declared-against-training-args
C09 key-reaches-no-argument misspelled-key
C10 concept-declared-twice
C11 string-where-null-or-boolean
C12 inert-keys
C13 rejected-column-is-text-column inert-keys
C14 negative-logging-steps
C15 logging-steps-zero
C16 interval-is-a-share
C17 save-strategy-not-declared
C18 evaluation-strategy-removed
C19 evaluation-without-data
C20 do-predict-inert
C21 output-name-size-differs
C22 experiment-name-differs-from-branch
C23 source-is-a-branch
C24 declared-value-contradicted declared-against-training-args seed-from-rng-state seed-from-lora-init
C25 declared-value-contradicted declared-against-training-args
C26 accumulation-not-applied batch-from-tokens
C27 adapter-not-as-declared
C28 merge-declared-but-adapter-kept
C29 padding-side-differs
C30 gradient-checkpointing-unchecked
A01 adapter-config-unusable adapter-config-value-of-wrong-type method-settings-refused
A02 adapter-config-differs-from-checkpoint
A04 adapter-config-keys-of-no-release
A05 versions-conflict card-peft-version-too-old peft-version-from-files
A06 base-model-path-is-local
A07 base-revision-not-pinned
A08 base-path-differs-from-declared
A09 inference-mode-false
A11 tied-embeddings-targeted
A12 configured-tensors-missing tensors-not-configured
A13 vision-tower-targeted
A14 model-class-unresolvable
A15 model-class-from-custom-code
A16 model-class-differs-from-base
A17 lora-rank-mismatch rank-from-tensors
A18 adapter-tensors-differ-from-config rank-from-tensors
A19 lora-scaling-unusual
B01 versions-conflict transformers-version-from-files
B02 module-shape-differs-from-base
B03 model-class-differs-from-base
B04 loads-in-some-releases-only
B05 module-not-in-base
B06 token-without-embedding
K01 checkpoint-number-differs-from-step
K02 step-beyond-max-steps
K03 epoch-disagrees-with-steps
K04 declared-value-contradicted steps-arithmetic
K05 declared-value-contradicted steps-arithmetic
K06 empty-log-history
K07 impossible-empty-log log-rows-missing
K08 log-steps-disordered several-runs-in-one-folder
K09 non-finite-log-values zero-loss-throughout
K10 control-flags-impossible
K11 stopped-before-max-steps
K12 best-checkpoint-missing
K13 more-checkpoints-than-limit
K14 checkpoint-cannot-resume
K15 process-count-differs
K16 batch-size-was-lowered
K17 batch-size-differs-from-arguments
K18 steps-arithmetic sample-limit-from-rows
K19 precision-contradicted precision-from-scaler
K20 input-tokens-counted-unasked
K21 hyperparameter-search-trial
K22 final-state-missing
K23 train-loss-differs-from-log results-differ-from-log trainer-log-differs-from-log-history
X01 tokens-from-total-flos
X02 accumulation-not-applied batch-from-tokens
X03 batch-from-tokens
X04 total-flos-zero
X05 events-differ-from-log-history
S01 scheduler-behind-steps
S02 schedule-from-scheduler-state
S03 optimizer-steps-differ
S04 optimizer-differs-from-adapter
S05 size-from-structure
S06 optimizer-settings-differ
S07 optimizer-moments-impossible
W01 weights-unreadable
W02 lfs-content-differs
W03 untrained-layers
W04 untrained-layers adapter-never-trained
W05 non-finite-weights non-finite-model-weights
W06 seed-from-lora-init
W07 final-adapter-differs-from-checkpoint
W08 adapter-size-unexplained size-from-structure
W09 base-weights-embedded
W10 mixed-tensor-types
W11 two-adapter-files
W12 adapter-norm-jumps
T01 pad-token-is-eos
T02 special-tokens-disagree added-tokens-disagree
T03 tokenizer-differs-from-checkpoint
T04 tokenizer-differs-from-base
T05 chat-template-differs-from-base
T06 model-max-length-lowered
T07 slow-vocabulary-missing
T08 eos-not-added-by-tokenizer
T09 processor-files-missing
R02 event-host-differs
R03 event-time-differs
R04 run-id-after-events
R05 several-event-files
R06 event-log-damaged
R07 training-was-restarted
R08 event-arguments-differ declared-against-event-arguments
R09 events-beyond-training
R10 event-times-impossible
R11 evaluation-without-loss
R12 events-differ-from-log-history
R13 transformers-version-from-files training-arguments-of-no-release
M01 library-name-not-peft
M02 card-names-other-base adapter-tag-names-other-base section-names-other-model
M03 card-is-of-base-model
M04 card-template-unfilled
M05 card-base-is-local-path
M06 licence-missing licence-looser-than-base
M07 card-peft-version-too-old
M08 dataset-not-named
M09 benchmarks-of-base-model card-results-differ-from-log
G01 unrelated-histories
G02 binary-outside-lfs
G03 lfs-rule-over-plain-content lfs-pointer-without-rule git-attributes-is-pointer
G04 lfs-pattern-without-file
G05 lfs-pattern-redundant
G06 lfs-content-differs
G07 adapters-of-two-runs-identical
G08 training-state-published
G09 infrastructure-published secret-published
G10 training-environment-not-recorded
G11 dataset-not-recorded
Z01 unknown-pickle-global
Z02 pickle-needs-full-trust
Z03 unsafe-pickle-call
Z04 pickle-archive-malformed
Z05 legacy-pickle-format
Z06 custom-code-required
Z07 chat-template-escape hidden-characters-in-template
Z08 weights-unreadable content-not-of-its-type pickle-under-another-name
Z09 weights-only-as-pickle
V01 versions-conflict transformers-version-from-files
V02 versions-conflict peft-version-from-files
V03 peft-older-than-model-class
V04 runner-not-recorded
V05 loads-in-some-releases-only
"""

OTHERWISE = {
    "A03": "the order of a set differs between honest checkpoints of one run, so it tells no other process",
    "A10": "a trap: PEFT's card says nothing of quantization, whatever the base was",
    "A20": "a trap: PEFT's default targets do not matter where target_modules is given",
    "B07": "the base's own weights are not read: --base is read for its configuration, tokenizer and card",
    "R01": "how a writer names its files is a fact of the event reader (`writer`), and no defect",
    "R14": "where the logs of a release lie is no defect; the runs are found wherever they are",
}
NAMES = [line.split() for line in DECIDED.split("\n") if line]
EXPECTED = {
    "C": 30,
    "A": 20,
    "B": 7,
    "K": 23,
    "X": 5,
    "S": 7,
    "W": 12,
    "T": 9,
    "R": 14,
    "M": 9,
    "G": 11,
    "Z": 9,
    "V": 5,
}
"""Entries of each family of the catalogue."""


def test_every_entry_is_decided_once_or_says_why_not() -> None:
    entries = [line[0] for line in NAMES] + list(OTHERWISE)
    wanted = [f"{family}{number:02}" for family, count in EXPECTED.items() for number in range(1, count + 1)]
    assert sum(EXPECTED.values()) == 161
    assert sorted(entries) == sorted(wanted)


@pytest.mark.parametrize("line", NAMES, ids=lambda line: str(line[0]))
def test_what_decides_an_entry_exists(line: list[str]) -> None:
    evidence = {discover.rule_id(module.__name__) for module in _evidence.modules()}
    assert line[1:], "an entry names what decides it"
    assert set(line[1:]) <= {*_rules.rules(), *evidence}


def test_there_are_at_least_150_rules() -> None:
    assert len(_rules.rules()) >= 150
