"""The seed's era on this machine: transformers 4.51.3 and peft 0.13.2 beside a current torch, really installed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.claims import Ledger
from auditor.errors import AuditError
from auditor.model import Evidence, Setting, Status, VersionRange
from auditor.rerun.environments.interpreter import Interpreter, interpreter
from auditor.rerun.judging.bounds import unlike
from auditor.rerun.judging.verdict import judge
from auditor.rerun.options import RerunOptions
from auditor.rerun.outputs import Outputs
from tests.builders.repositories import TINY_BASE, contents
from tests.rerun import variants as v
from tests.rerun.whole import experiment_of

pytestmark = pytest.mark.rerun
ERA = {"transformers": "4.51.3", "peft": "0.13.2", "accelerate": "1.6.0"}
PLAN = replace(
    v.plan_of_fixture(3),
    libraries={name: Setting(release, "the seed's era") for name, release in ERA.items()},
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture's base as a release of the time would have saved it.

    Gemma3TextConfig of 4.51.3 tells by ``sliding_window_pattern`` what ``layer_types`` says now: every second layer
    sees everything.
    """
    folder = tmp_path_factory.mktemp("base") / "base"
    shutil.copytree(TINY_BASE, folder)
    config = json.loads((folder / "config.json").read_bytes())
    assert config["text_config"]["layer_types"] == ["sliding_attention", "full_attention"]
    config["text_config"]["sliding_window_pattern"] = 2
    config["transformers_version"] = ERA["transformers"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        try:
            return interpreter(PLAN, "recorded", lambda _: None)
        except AuditError as error:
            if "cannot be reached" in error.message or "uv, which is not here" in error.message:
                pytest.skip(error.message)
            raise


@pytest.fixture(scope="module")
def trained(
    python: Interpreter, base: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Outputs]:
    options = RerunOptions(base=base, data=v.DATA, steps=3, repeats=1, variation=False, cache=False)
    folder = tmp_path_factory.mktemp("era")
    return folder, experiment_of(PLAN, options, lambda *_: None, folder, "cpu", python=python)


def test_the_run_was_trained_by_the_releases_of_the_time(trained: tuple[Path, Outputs]) -> None:
    _, outputs = trained
    versions = outputs.environment["versions"]
    assert isinstance(versions, dict)
    assert {name: versions[name] for name in ERA} == ERA
    assert outputs.environment["patches"] == ["quantise-on-cpu"]


def test_its_files_have_the_keys_of_the_seeds(trained: tuple[Path, Outputs]) -> None:
    folder, _ = trained
    seed, _ = contents("seed", "caost-test-2")
    for path in (
        "adapter_config.json",
        "checkpoint-450/adapter_config.json",
        "checkpoint-450/trainer_state.json",
    ):
        made = folder / "rerun" / path.replace("450", "3")
        assert set(json.loads(made.read_bytes())) == set(json.loads(seed[path])), path


def test_the_losses_are_those_of_the_same_model_as_that_time_logged_them(
    trained: tuple[Path, Outputs],
) -> None:
    """Gemma 3 of 4.51.3 logs its loss times the accumulation, 2 here; before step 1 the model is the base.

    It does not divide by num_items_in_batch, and the Trainer takes it that it does (``accepts_loss_kwargs``, 4.53).
    """
    folder, _ = trained
    lines = (folder / "rerun" / "rerun_steps.jsonl").read_text(encoding="utf-8").splitlines()
    state = json.loads(v.committed()["trainer_state.json"])
    # The old release rounds a logged loss to four places.
    assert json.loads(lines[1])["loss"] == pytest.approx(2 * state["log_history"][0]["loss"], abs=1e-4)


def test_the_releases_are_no_excuse_and_no_open_question(trained: tuple[Path, Outputs], base: Path) -> None:
    _, outputs = trained
    spans = {f"{name}_version": VersionRange(ERA[name], ERA[name]) for name in ("transformers", "peft")}
    evidence = tuple(Evidence(name, Status.VERIFIED, "", value=span) for name, span in spans.items())
    run, ledger = v.run_of(v.committed()), Ledger(".", {}).with_evidence(evidence)
    assert unlike(run, ledger, replace(PLAN, base=str(base)), outputs.environment) is None
    assert not [
        line
        for line in judge(run, ledger, replace(PLAN, base=str(base)), outputs).does_not_prove
        if "transformers" in line
    ]
