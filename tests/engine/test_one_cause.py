"""One defect is one finding: all findings of a repository with one edit, against those of the same one without."""

import math
from collections.abc import Callable

import pytest

from auditor.engine.audit import Options, check
from auditor.model import Snapshot
from tests.builders.platforms import AUTOTRAIN, MS_SWIFT, TRL, with_config
from tests.builders.repositories import DELETE, contents, healthy
from tests.checks.adapter.tensors import Tensors, changed, name
from tests.checks.training.parts import ROOT_STATE, event_path, events, scalars, with_events
from tests.checks.training.test_weights_outrun_first_numbers import BOUND, shift
from tests.checks.training.test_weights_outrun_first_numbers import edited as further
from tests.checks.training.test_weights_stood_still import put_back
from tests.mutation.torch_files import of_optimizer

CHEETAH = "cheetah-fine-tuning-config.json"
Said = set[tuple[str, str, str]]


def said(snapshot: Snapshot) -> Said:
    """Every finding of a whole audit as (rule, severity, path)."""
    findings = check(snapshot, Options()).findings
    return {
        (item.rule, item.severity.word, place.path) for item in findings for place in (item.at, *item.also_at)
    }


def more(edited: Snapshot, honest: Snapshot) -> tuple[Said, Said]:
    """What an edit adds to the findings, and what it takes away."""
    after, before = said(edited), said(honest)
    return after - before, before - after


@pytest.mark.parametrize("value", ["eight", [8], {}, True])
@pytest.mark.parametrize(
    ("path", "honest", "key"),
    [("training_params.json", AUTOTRAIN, "lora_r"), ("args.json", MS_SWIFT, "lora_rank")],
)
def test_a_rank_that_is_no_number_contradicts_nothing(
    path: str, honest: dict[str, object], key: str, value: object
) -> None:
    edited = with_config(path, {**honest, key: value})
    wanted = {("declared-value-of-wrong-type", "warning", path)}
    assert more(edited, with_config(path, honest)) == (wanted, set())


@pytest.mark.parametrize("value", ["eight", "[8]", "{}"])
def test_a_rank_that_is_no_number_in_a_file_handed_in(value: str) -> None:
    edited = with_config("train.yaml", TRL.replace("lora_r: 8", f"lora_r: {value}"))
    wanted = {("declared-value-of-wrong-type", "warning", "train.yaml")}
    assert more(edited, with_config("train.yaml", TRL)) == (wanted, set())


def test_a_number_that_is_another_one_is_contradicted_whatever_its_type() -> None:
    for value in (4, 8.5, "4"):
        edited = healthy(json_edits={CHEETAH: {"/peft/r": value}})
        new, gone = more(edited, healthy())
        assert ("declared-value-contradicted", "error", CHEETAH) in new
        # A number in quotes is wrong twice: in its type, whatever it says, and in what it says.
        assert len(new) == (2 if isinstance(value, str) else 1)
        assert not gone


CONFIG = "adapter_config.json"
COPIES = [f"{folder}{CONFIG}" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
WEIGHTS = "adapter_model.safetensors"
RUN_MODEL = "meta-llama/Llama-3.1-8B"
"""Another model than the one that trained, of which the audit knows sizes and terms."""


@pytest.mark.parametrize(
    ("edit", "rule", "path"),
    [
        ({"/r": 16}, "lora-rank-mismatch", WEIGHTS),
        ({"/use_dora": True}, "lora-rank-mismatch", WEIGHTS),
        ({"/target_modules": ".*q_proj"}, "declared-value-contradicted", CONFIG),
        ({"/target_modules": ["q_proj"]}, "declared-value-contradicted", CONFIG),
        ({"/modules_to_save": ["lm_head"]}, "configured-tensors-missing", CONFIG),
        ({"/peft_type": "IA3"}, "adapter-tensors-differ-from-config", WEIGHTS),
        ({"/peft_type": {}}, "adapter-config-unusable", CONFIG),
        ({"/peft_type": "LORAX"}, "adapter-config-unusable", CONFIG),
        ({"/peft_type": "lora"}, "adapter-config-unusable", CONFIG),
        ({"/target_modules": {}}, "adapter-config-unusable", CONFIG),
        ({"/target_modules": [1, None, {}]}, "adapter-config-unusable", CONFIG),
        ({"/bias": "nothing"}, "adapter-config-unusable", CONFIG),
        ({"/lora_alpha": -16}, "adapter-config-unusable", CONFIG),
        ({"/layers_pattern": 7}, "adapter-config-unusable", CONFIG),
        ({"/base_model_name_or_path": None}, "base-model-not-named", CONFIG),
        ({"/lora_alpha": 32}, "adapter-config-differs-from-checkpoint", CONFIG),
        ({"/lora_dropout": 0.2}, "adapter-config-differs-from-checkpoint", CONFIG),
        ({"/bias": "all"}, "adapter-config-differs-from-checkpoint", CONFIG),
        ({"/base_model_name_or_path": RUN_MODEL}, "adapter-config-differs-from-checkpoint", CONFIG),
    ],
)
def test_a_value_that_the_runs_own_config_alone_has_wrong(
    edit: dict[str, object], rule: str, path: str
) -> None:
    assert more(healthy(json_edits={CONFIG: edit}), healthy()) == ({(rule, "error", path)}, set())


@pytest.mark.parametrize(
    ("edit", "rule", "path"),
    [
        ({"/r": 16}, "lora-rank-mismatch", WEIGHTS),
        ({"/peft_type": "IA3"}, "adapter-tensors-differ-from-config", WEIGHTS),
        ({"/peft_type": "LORAX"}, "adapter-config-unusable", CONFIG),
        ({"/target_modules": ["q_proj"]}, "adapter-config-differs-from-checkpoint", CONFIG),
        ({"/base_model_name_or_path": RUN_MODEL}, "adapter-config-differs-from-checkpoint", CONFIG),
    ],
)
def test_a_value_that_the_last_checkpoints_config_alone_has_wrong(
    edit: dict[str, object], rule: str, path: str
) -> None:
    """The log of the earlier checkpoint goes on in it to the last digit: no other run is seen in the edit."""
    edited = healthy(json_edits={f"checkpoint-18/{CONFIG}": edit})
    assert more(edited, healthy()) == ({(rule, "error", f"checkpoint-18/{path}")}, set())


def test_a_method_that_no_copy_has_right() -> None:
    for kind, rule, path in (
        ("LORAX", "adapter-config-unusable", CONFIG),
        ("IA3", "adapter-tensors-differ-from-config", WEIGHTS),
    ):
        edited = healthy(json_edits={key: {"/peft_type": kind} for key in COPIES})
        places = {(rule, "error", f"{folder}{path}") for folder in ("", "checkpoint-9/", "checkpoint-18/")}
        assert more(edited, healthy()) == (places, set())


def test_a_base_model_that_no_copy_names_right_and_the_events_deny() -> None:
    edits = {key: {"/base_model_name_or_path": RUN_MODEL} for key in COPIES}
    (event,) = [path for path in healthy().files if "tfevents" in path]
    new, gone = more(healthy(json_edits=edits), healthy())
    assert (new, gone) == ({("event-model-differs-from-base", "error", event)}, set())
    # Nothing but the declaration and the card speaks without the events; the narrower terms may then be the base's.
    new, _ = more(healthy(json_edits=edits, without=[event]), healthy(without=[event]))
    cards = [f"{folder}README.md" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
    assert new == {
        *(("card-names-other-base", "error", card) for card in cards),
        ("licence-looser-than-base", "warning", "README.md"),
    }


def test_separate_defects_in_one_file_stay_separate() -> None:
    """The rank is at odds with the weights, and the factor with the other copies."""
    new, _ = more(healthy(json_edits={CONFIG: {"/r": 16, "/lora_alpha": 32}}), healthy())
    assert new == {
        ("lora-rank-mismatch", "error", WEIGHTS),
        ("adapter-config-differs-from-checkpoint", "error", CONFIG),
    }
    # The declaration is wrong as well when it agrees with neither copy.
    edits: dict[str, dict[str, object]] = {CONFIG: {"/lora_alpha": 32}, CHEETAH: {"/peft/lora_alpha": 64}}
    new, _ = more(healthy(json_edits=edits), healthy())
    assert new == {
        ("adapter-config-differs-from-checkpoint", "error", CONFIG),
        ("declared-value-contradicted", "error", CHEETAH),
    }
    # So is the card.
    card = (
        healthy()
        .files["README.md"]
        .read()
        .decode()
        .replace("base_model: tiny-labs/tiny-gemma3", "base_model: a/b-7b")
    )
    new, _ = more(
        healthy(json_edits={CONFIG: {"/base_model_name_or_path": RUN_MODEL}}, text={"README.md": card}),
        healthy(),
    )
    assert {rule for rule, _, _ in new} >= {"adapter-config-differs-from-checkpoint", "card-names-other-base"}


def test_a_file_handed_in_is_not_blamed_for_what_the_adapters_config_alone_has_wrong() -> None:
    for edit, rule, path in (
        ({"/lora_alpha": 32}, "adapter-config-differs-from-checkpoint", CONFIG),
        ({"/r": 16}, "lora-rank-mismatch", WEIGHTS),
    ):
        edited = with_config("train.yaml", TRL, json_edits={CONFIG: edit})
        assert more(edited, with_config("train.yaml", TRL)) == ({(rule, "error", path)}, set())


LAST = "checkpoint-18/trainer_state.json"
EVENTS = event_path()
FIRST_A = name("0.mlp.gate_proj", "lora_A")


def row(number: int, path: str, **values: object) -> dict[str, dict[str, object]]:
    """Edits of one row of log_history in one copy of the state; ``DELETE`` removes a key."""
    return {path: {f"/log_history/{number}/{key}": value for key, value in values.items()}}


@pytest.mark.parametrize(
    ("edit", "rule", "severity", "path"),
    [
        # Copies of the state and the event file have the number otherwise.
        (row(3, LAST, epoch=-0.2), "events-differ-from-log-history", "error", EVENTS),
        (row(3, LAST, loss=-6.0), "events-differ-from-log-history", "error", EVENTS),
        (row(3, LAST, step=5), "events-differ-from-log-history", "error", EVENTS),
        (row(3, ROOT_STATE, loss=1.0), "events-differ-from-log-history", "error", EVENTS),
        (row(18, ROOT_STATE, train_loss=4.0), "events-differ-from-log-history", "error", EVENTS),
        (row(18, ROOT_STATE, train_runtime=5.05), "events-differ-from-log-history", "error", EVENTS),
        # A row out of order is not also a log that does not go on.
        (row(3, LAST, step=-4), "log-steps-disordered", "error", LAST),
        # A row without its loss is one that differs, and no mean of the others.
        (row(3, ROOT_STATE, loss=DELETE), "loss-history-not-continued", "warning", ROOT_STATE),
        # The first row does not make another run.
        (row(0, LAST, loss=DELETE), "loss-history-not-continued", "warning", LAST),
        (row(0, LAST, grad_norm=-1.0), "events-differ-from-log-history", "error", EVENTS),
        ({LAST: {"/logging_steps": None}}, "trainer-state-value-of-wrong-type", "warning", LAST),
        ({LAST: {"/epoch": 1.1}}, "epoch-disagrees-with-steps", "warning", LAST),
    ],
)
def test_a_number_of_the_log_that_one_copy_has_wrong(
    edit: dict[str, dict[str, object]], rule: str, severity: str, path: str
) -> None:
    assert more(healthy(json_edits=edit), healthy()) == ({(rule, severity, path)}, set())


def shifted(where: str, path: str = WEIGHTS) -> bytes:
    """An adapter with lora_A of some modules moved by twice what its steps allow."""
    return further(shift(2 * BOUND), where, path=path)


def filled(value: float) -> dict[str, bytes]:
    """The published adapter with one tensor of one value throughout."""

    def fill(tensors: Tensors) -> None:
        tensors[FIRST_A][:] = value

    return changed(fill)


def test_a_tensor_that_the_published_adapter_alone_has_wrong() -> None:
    for value, rule, severity in (
        (math.nan, "non-finite-weights", "error"),
        (0.0, "untrained-layers", "error"),
        (0.01, "final-adapter-differs-from-checkpoint", "warning"),
    ):
        assert more(healthy(data=filled(value)), healthy()) == ({(rule, severity, WEIGHTS)}, set())


def test_a_tensor_that_the_last_checkpoint_alone_has_wrong() -> None:
    for value, rule in (
        (math.nan, "non-finite-weights"),
        (0.0, "untrained-layers"),
        (9.0, "weights-outrun-optimizer"),
    ):
        path = f"checkpoint-18/{WEIGHTS}"
        edited = healthy(data={path: filled(value)[WEIGHTS]})
        assert more(edited, healthy()) == ({(rule, "error", path)}, set())


@pytest.mark.parametrize("make", [put_back, shifted], ids=["as drawn", "far away"])
def test_a_lora_a_that_no_training_left_where_it_is(make: Callable[..., bytes]) -> None:
    """In the published adapter alone, in the last checkpoint too, in every file, and without checkpoints."""
    folders = ("checkpoint-9/", "checkpoint-18/")
    every = [WEIGHTS, *(f"{folder}{WEIGHTS}" for folder in folders)]
    own = {put_back: "weights-barely-moved", shifted: "weights-outrun-learning-rate"}[make]
    rests = "weights-rest-under-moments", "error", every[2]
    for paths, wanted in (
        (every[:1], ("final-adapter-differs-from-checkpoint", "warning", WEIGHTS)),
        ((every[0], every[2]), ("weights-outrun-optimizer", "error", every[2])),
        (every, rests if make is put_back else (own, "warning", WEIGHTS)),
    ):
        edited = healthy(data={path: make("1.mlp.up_proj", path=path) for path in paths})
        assert more(edited, healthy()) == ({wanted}, set())
    alone = healthy(data={WEIGHTS: make("1.mlp.up_proj")}, without=folders)
    assert more(alone, healthy(without=folders)) == ({(own, "warning", WEIGHTS)}, set())


def test_two_tensors_of_which_one_is_reported_are_two_findings() -> None:
    """NaN in one, and another number in another that no rule sees but by its copy."""

    def change(tensors: Tensors) -> None:
        tensors[FIRST_A][:] = math.nan
        tensors[name("1.mlp.up_proj", "lora_A")][0, 0] += 0.001

    new, _ = more(healthy(data=changed(change)), healthy())
    assert new == {
        ("non-finite-weights", "error", WEIGHTS),
        ("final-adapter-differs-from-checkpoint", "warning", WEIGHTS),
    }


def test_updates_that_one_parameter_counts_too_many_do_not_speed_up_the_next_checkpoint() -> None:
    path = "checkpoint-9/optimizer.pt"
    edit = next(
        item for item in of_optimizer(path, contents("tiny", "candidate")[0][path]) if item.how == "+ 1"
    )
    wanted = {("optimizer-steps-differ", "error", path)}
    assert more(healthy(data={path: edit.data()}), healthy()) == (wanted, set())


def test_a_number_of_the_event_file_at_another_step() -> None:
    series = scalars()
    series["train/loss"] = [(19 if step == 18 else step, value) for step, value in series["train/loss"]]
    moved, kept = with_events(events(series)), with_events(events())
    assert more(moved, kept) == ({("events-differ-from-log-history", "error", EVENTS)}, set())
    # A file that goes on after the end says so itself.
    series = {tag: [*points, (19, 1.0)] for tag, points in scalars().items()}
    new, _ = more(with_events(events(series)), kept)
    assert ("events-beyond-training", "error", EVENTS) in new
