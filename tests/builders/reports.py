"""Three fixed reports: a rich one in which everything occurs, a healthy one, one that could not look."""

import math

from auditor.model import (
    AdapterComparison,
    Answer,
    Aspect,
    Change,
    Claim,
    Coverage,
    CurveComparison,
    Diff,
    Divergence,
    Evidence,
    FileChange,
    FileRow,
    Finding,
    Location,
    ModuleUpdate,
    NotApplicable,
    Ref,
    Report,
    RerunPlan,
    RerunResult,
    RunReport,
    Setting,
    Severity,
    Snapshot,
    Statement,
    Status,
    Suppression,
    Unread,
    Verdict,
    VersionRange,
)

BASE_COMMIT = "8f3a" * 10
HEAD_COMMIT = "c07e" * 10
RULES_DIGEST = "0f1e2d3c4b5a6978"
KINDS = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


def healthy() -> Report:
    """One side, nothing found, everything read."""
    run = RunReport(
        "",
        ("checkpoint-6", "checkpoint-12"),
        (
            _claim("lora_alpha", Status.VERIFIED, (("adapter_config.json", "/lora_alpha", 16, "recorded"),)),
            _claim("r", Status.VERIFIED, (("adapter_config.json", "/r", 8, "recorded"),)),
        ),
        platform="cheetah",
    )
    return Report(
        kind="check",
        repository="tiny-labs/tiny-gemma3",
        head=Ref("candidate", HEAD_COMMIT),
        base=None,
        related_histories=None,
        verdict="pass",
        exit_code=0,
        summary="54 checks ran on 12 files and found nothing against this repository.",
        findings=(),
        runs=(run,),
        files=(FileRow("adapter_config.json", "adapter config", 812, "sha256:" + "ab" * 32, "read"),),
        coverage=Coverage(
            {"verified": 2, "contradicted": 0, "unverifiable": 0, "stated": 0, "total": 2},
            {"read": 12, "unfetched": 0, "unreadable": 0, "total": 12},
            {"ran": 54, "not_applicable": 1, "failed_to_run": 0, "total": 55},
        ),
        not_applicable=(
            NotApplicable("histories-unrelated", "only one side was audited (audit compare looks at two)"),
        ),
        unread=(),
        rules_digest=RULES_DIGEST,
        version="0.1.0",
    )


def incomplete() -> Report:
    """A comparison in a shallow clone without the LFS objects."""
    unread = tuple(
        Unread(f"checkpoint-{step}/{name}", "is an LFS pointer whose object is not here", "unfetched")
        for step in (45, 90)
        for name in (
            "optimizer.pt",
            "rng_state.pth",
            "scheduler.pt",
            "training_args.bin",
            "trainer_state.json",
        )
    )
    return Report(
        kind="compare",
        repository="team/model",
        head=Ref("feature/new adapter", HEAD_COMMIT),
        base=Ref("main", BASE_COMMIT),
        related_histories=None,
        verdict="incomplete",
        exit_code=3,
        summary="10 files could not be read, so nothing can be said about the weights.",
        findings=(),
        runs=(),
        files=(),
        coverage=Coverage({}, {"read": 2, "unfetched": 10, "total": 12}, {"ran": 8, "not_applicable": 46}),
        not_applicable=(
            NotApplicable("lora-rank-mismatch", "adapter_model.safetensors was not read: unfetched"),
            NotApplicable("lora-never-updated", "adapter_model.safetensors was not read: unfetched"),
            NotApplicable("rerun-diverged", "no rerun was made (give --rerun --base DIR --data PATH)"),
        ),
        unread=unread,
        diff=Diff(
            Snapshot("main", {}, BASE_COMMIT, "git", shallow=True),
            Snapshot("feature/new adapter", {}, HEAD_COMMIT, "git", shallow=True),
            None,
            (FileChange("checkpoint-45/optimizer.pt", "unknown", "none", note="the content is not here"),),
        ),
        notes=("this is a shallow clone: history beyond its depth is not known",),
        rules_digest=RULES_DIGEST,
        version="0.1.0",
    )


def rich(layers: int = 6) -> Report:
    """A comparison with a rerun, every severity and state, NaN among the numbers, ``layers`` x 7 modules."""
    adapter = adapter_comparison(layers)
    return Report(
        kind="compare",
        repository="team/gemma3-finetuning",
        head=Ref("caost-test-2", HEAD_COMMIT),
        base=Ref("main", BASE_COMMIT),
        related_histories=False,
        verdict="fail",
        exit_code=1,
        summary="The declared recipe did not make these weights: 2 claims are contradicted by evidence.",
        findings=_findings(),
        runs=(
            RunReport(
                "",
                ("checkpoint-45", "checkpoint-90"),
                claims(),
                platform="cheetah",
                summary=("LoRA r 16 on google/gemma-3-4b-it, 90 optimizer steps, two checkpoints.",),
                curves=_curves(),
                adapter=adapter,
            ),
        ),
        files=_rows(),
        coverage=Coverage(
            {"verified": 4, "contradicted": 2, "unverifiable": 2, "stated": 3, "total": 11},
            {"read": 21, "unfetched": 1, "unreadable": 1, "total": 23},
            {"ran": 61, "not_applicable": 9, "failed_to_run": 0, "total": 70},
        ),
        not_applicable=_not_applicable(),
        unread=(
            Unread("checkpoint-45/optimizer.pt", "is an LFS pointer whose object is not here", "unfetched"),
            Unread("checkpoint-90/rng_state.pth", "ends in the middle of record 3", "unreadable"),
        ),
        diff=Diff(
            Snapshot("main", {}, BASE_COMMIT, "git"),
            Snapshot("caost-test-2", {}, HEAD_COMMIT, "git"),
            False,
            _changes(),
            (adapter,),
            (),
        ),
        rerun=_rerun(),
        answers=(
            Answer("Do the files agree with each other?", "no", "2 claims contradicted (r, seed)"),
            Answer("Is it safe to load?", "open", "1 pickled file could not be read <b>"),
            Answer("Did the declared recipe make these weights?", "yes", "the rerun is equivalent"),
        ),
        notes=("two folders name the same base model by different spellings",),
        rules_digest=RULES_DIGEST,
        version="0.1.0",
        rules={
            "claim-contradicted": "A declared hyperparameter is contradicted by what the files prove.\n\n"
            "A reader who trusts the declaration would repeat another run.\n\n"
            "Fix: correct the declared config, or train again with it.",
            "lora-rank-mismatch": "A LoRA matrix does not have the rank that adapter_config.json declares.\n\n"
            "PEFT builds every lora_A with r rows, so weights and config come from different runs.",
        },
    )


def adapter_comparison(layers: int) -> AdapterComparison:
    """Norms that grow with depth over three decades; one module untouched, one that is not a number."""
    modules = [
        ModuleUpdate(
            f"base_model.model.model.language_model.layers.{layer}.{kind}",
            0.01 * 10 ** (3 * layer / max(layers, 1)) * (1 + place / 7),
            0.02 * 10 ** (3 * layer / max(layers, 1)) * (1 + place / 5),
            round(0.1 + 0.8 * ((layer * 7 + place) % 11) / 11, 4),
            round(1 - 0.5 * ((layer * 7 + place) % 13) / 13, 4),
        )
        for layer in range(layers)
        for place, kind in enumerate(KINDS)
    ]
    if modules:
        first, last = modules[0], modules[-1]
        modules[0] = ModuleUpdate(first.module, 0.0, 0.0, math.nan, math.nan)
        modules[-1] = ModuleUpdate(last.module, last.base_norm, math.inf, 1.0, 0.0)
    path = "adapter_model.safetensors"
    return AdapterComparison(path, path, "different", 0.7312, 0.4127, 1.204, tuple(modules))


def _findings() -> tuple[Finding, ...]:
    declared = "cheetah-fine-tuning-config.json"
    return (
        Finding(
            "histories-unrelated",
            Severity.NOTE,
            "main and caost-test-2 have no commit in common; a merge needs --allow-unrelated-histories",
            Location("."),
            state="new",
        ),
        Finding(
            "claim-contradicted",
            Severity.ERROR,
            "gradient_accumulation_steps is declared as 4, but the step count proves 1",
            Location(declared, "/training/gradient_accumulation"),
            expected="4",
            observed="1",
            evidence=(
                "90 optimizer steps x batch 2 x accumulation 1 = 180 rows = 2 epochs of 90 rows",
                "with accumulation 4 the run would have ended at step 24",
            ),
            fix="write gradient_accumulation_steps, the name that TrainingArguments knows",
            state="new",
            line=12,
        ),
        Finding(
            "lora-rank-mismatch",
            Severity.ERROR,
            "rank is 8, adapter_config.json declares 16",
            Location(
                "adapter_model.safetensors",
                "base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight",
            ),
            expected="16",
            observed="8",
            state="unchanged",
            also_at=(Location("checkpoint-45/adapter_model.safetensors"), Location("checkpoint-90/x", "y")),
        ),
        Finding(
            "base-model-not-loadable",
            Severity.WARNING,
            "base_model_name_or_path is an absolute path, which exists on one machine only",
            Location("adapter_config.json", "/base_model_name_or_path"),
            observed="/app/models/gemma-3-4b-it",
            fix="write the hub id and a revision",
            state="new",
        ),
        Finding(
            "card-of-another-model",
            Severity.WARNING,
            "README.md is the card of the base model | it says `library_name: transformers`",
            Location("README.md"),
            state="unchanged",
            suppressed=Suppression(
                "card-of-another-model", "README.md", "the card is written after the merge", "2027-01-31"
            ),
        ),
        Finding(
            "event-file-truncated",
            Severity.ERROR,
            "the event file ends in the middle of record 12",
            Location("runs/events.out.tfevents.1"),
            state="absent",
        ),
    )


def _claim(
    key: str,
    status: Status,
    statements: tuple[tuple[str, str, object, str], ...],
    evidence: tuple[Evidence, ...] = (),
    why: str = "",
) -> Claim:
    return Claim(
        key,
        tuple(Statement(path, member, value, role, key) for path, member, value, role in statements),
        evidence,
        status,
        why,
    )


def _evidence(claim: str, outcome: Status, says: str, detail: str, value: object, identity: str) -> Evidence:
    return Evidence(claim, outcome, says, detail, value, identity, ("trainer_state.json",))


def claims() -> tuple[Claim, ...]:
    """One claim of every status, with values of every JSON type and some that JSON lacks."""
    declared, args = "cheetah-fine-tuning-config.json", "training_args.bin"
    config, state, card = "adapter_config.json", "checkpoint-90/trainer_state.json", "README.md"
    steps = "90 optimizer steps over 180 rows leave room for 1 only"
    verified, contradicted = Status.VERIFIED, Status.CONTRADICTED
    return (
        _claim(
            "gradient_accumulation_steps",
            contradicted,
            ((declared, "/training/gradient_accumulation", 4, "declared"), (args, "x", 1, "effective")),
            (
                _evidence(
                    "gradient_accumulation_steps", contradicted, steps, "180 / (90 x 2) = 1", 1, "steps"
                ),
            ),
            steps,
        ),
        _claim(
            "r",
            contradicted,
            ((declared, "/peft/r", 16, "declared"), (config, "/r", 16, "recorded")),
            (_evidence("r", contradicted, "every lora_A has 8 rows", "238 of 238 tensors", 8, "rank"),),
            "every lora_A has 8 rows",
        ),
        _claim(
            "learning_rate",
            verified,
            ((declared, "/training/lr", 3e-05, "declared"), (state, "/log_history/0", 3e-05, "recorded")),
            (_evidence("learning_rate", verified, "the logged decay ends at 0", "", 3e-05, "decay"),),
            "the logged decay ends at 0",
        ),
        _claim(
            "seed",
            verified,
            ((declared, "/training/seed", 42, "declared"),),
            (_evidence("seed", verified, "the saved generator began at 42", "mt19937", 42, "rng"),),
            "the saved generator began at 42",
        ),
        _claim("lora_alpha", verified, ((config, "/lora_alpha", 32, "recorded"),), (), "alpha / r = 2"),
        _claim(
            "transformers_version",
            verified,
            (),
            (_evidence("x", verified, "4.50 to 4.51", "", VersionRange("4.50.0", "4.51.3"), "version"),),
            "the argument set fits 4.50.0 to 4.51.3",
        ),
        _claim("quantization", Status.UNVERIFIABLE, ((declared, "/peft/quantization", "int4", "declared"),)),
        _claim(
            "dataset",
            Status.UNVERIFIABLE,
            ((declared, "/data/path", "team/instructions-180", "declared"),),
            (),
            "the dataset is not here (give --data PATH)",
        ),
        _claim(
            "target_modules",
            Status.STATED,
            (
                (declared, "/peft/target_modules", "all-linear", "declared"),
                (config, "/target_modules", frozenset({"q_proj", "k_proj", "v_proj"}), "recorded"),
            ),
        ),
        _claim("max_grad_norm", Status.STATED, ((args, "max_grad_norm", math.nan, "effective"),)),
        _claim("license", Status.STATED, ((card, "/license", "gemma", "described"),)),
    )


def _curves() -> tuple[CurveComparison, ...]:
    path = "runs/events.out.tfevents.1"
    steps = tuple(range(2, 91, 2))
    loss = tuple((step, round(1.2 + 2.6 * math.exp(-step / 22) + 0.09 * math.sin(step), 5)) for step in steps)
    slow = tuple((step, round(1.5 + 2.2 * math.exp(-step / 40) + 0.07 * math.cos(step), 5)) for step in steps)
    rate = tuple((step, round(3e-5 * min(step / 9, (90 - step) / 81), 10)) for step in steps)
    return (
        CurveComparison("train/loss", path, path, slow, loss, 2, 0.81),
        CurveComparison("train/learning_rate", path, path, rate, rate, None, 0.0),
        CurveComparison("train/grad_norm", None, path, (), ((2, math.nan), (4, 1.5), (6, 1.25)), None, None),
    )


def _rows() -> tuple[FileRow, ...]:
    digest = "sha256:" + "5d" * 32
    return (
        FileRow("adapter_config.json", "adapter config", 912, "git-sha1:" + "5d" * 20, "read"),
        FileRow("adapter_model.safetensors", "adapter weights", 262_341_120, digest, "read"),
        FileRow("checkpoint-45/optimizer.pt", "optimizer state", 133_000_000, digest, "unfetched"),
        FileRow("checkpoint-90/rng_state.pth", "random generators", 14_244, digest, "unreadable"),
    )


def _not_applicable() -> tuple[NotApplicable, ...]:
    base = "the base model's configuration is not known (give --base DIR)"
    return (
        NotApplicable("lora-dimension-mismatch", base),
        NotApplicable("vocabulary-too-large", base),
        NotApplicable("tokenizer-template-missing", "no tokenizer_config.json is in the repository"),
        NotApplicable(
            "optimizer-step-mismatch", "checkpoint-45/optimizer.pt was not read: unfetched", "checkpoint-45"
        ),
    )


def _changes() -> tuple[FileChange, ...]:
    return (
        FileChange("README.md", "identical", "object id"),
        FileChange(
            "adapter_config.json",
            "modified",
            "parsed",
            (
                Change("r", "changed", 8, 16),
                Change("lora_alpha", "changed", 16, 32),
                Change("target_modules", "changed", frozenset({"q_proj"}), frozenset({"q_proj", "v_proj"})),
                Change("lora_dropout", "within tolerance", 0.05, 0.05000000001),
            ),
        ),
        FileChange("adapter_model.safetensors", "modified", "lfs oid"),
        FileChange(
            "checkpoint-45/optimizer.pt", "unknown", "none", note="the content is not on this machine"
        ),
        FileChange("checkpoint-90/trainer_state.json", "added", "none"),
        FileChange("model-00001-of-00002.safetensors", "removed", "none"),
    )


def _rerun() -> RerunResult:
    plan = RerunPlan(
        run="",
        settings={
            "learning_rate": Setting(3e-05, "cheetah-fine-tuning-config.json#/training/lr"),
            "gradient_accumulation_steps": Setting(1, "evidence: steps"),
            "packing": Setting(True, "the reference pipeline", assumed=True),
        },
        span="prefix",
        stop_at=12,
        total_steps=90,
        base="gemma-3-4b-it",
        data="instructions.jsonl",
        coverage={"steps": 12 / 90, "rows": 0.2667},
        hypotheses=("with gradient_accumulation_steps = 4 the first logged loss is 0.4 further away",),
    )
    return RerunResult(
        run="",
        plan=plan,
        environment={"torch": "2.13.0", "device": "cpu", "threads": 1, "deterministic": True},
        verdict=Verdict.DIVERGED,
        aspects=(
            Aspect("init", Verdict.IDENTICAL, 0.0, 0.0, "lora_A at step 0 has the bits that seed 42 draws"),
            Aspect(
                "curve", Verdict.EQUIVALENT, 3.1e-06, 2e-05, "12 of 12 logged losses", "trainer_state.json"
            ),
            Aspect(
                "weights",
                Verdict.DIVERGED,
                0.0421,
                2e-05,
                "2,105 times the floor",
                "checkpoint-45/adapter_model.safetensors",
            ),
            Aspect("optimizer", Verdict.INCONCLUSIVE, None, None, "optimizer.pt is not on this machine"),
        ),
        floor=2e-05,
        first_divergence=Divergence(
            7, "model.layers.3.mlp.down_proj", "lora_B.weight", "the update is 1.1 times as long"
        ),
        coverage={"steps": 12 / 90},
        does_not_prove=("that no other data gives the same batches", "anything about steps 13 to 90"),
        why="The weights part from the committed ones at step 7, far outside the noise floor.",
        repeats=("the same plan again: 0", "two threads: 2.0e-05"),
        curves={"loss": tuple((s, round(1.21 + 2.6 * math.exp(-s / 22), 5)) for s in range(2, 13, 2))},
    )
