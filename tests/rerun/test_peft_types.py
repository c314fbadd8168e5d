"""Adapters of every method as peft itself saves them: read, audited without a word about the method, compared."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.artifacts._peft_layout import MARKS, TOGETHER, methods_of, parts
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.engine.audit import Options, check, look
from auditor.model import Severity
from auditor.sources import directory

pytestmark = pytest.mark.rerun

TARGETS = ["q_proj", "v_proj"]
SQUARE = ["q_proj", "o_proj"]
METHODS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "lora": ("LoraConfig", {"r": 4, "target_modules": TARGETS}),
    "lora bias": ("LoraConfig", {"r": 4, "target_modules": TARGETS, "bias": "all", "lora_bias": True}),
    "lora only": ("LoraConfig", {"r": 4, "target_modules": TARGETS, "bias": "lora_only"}),
    "dora": ("LoraConfig", {"r": 4, "target_modules": TARGETS, "use_dora": True}),
    "rslora": ("LoraConfig", {"r": 4, "target_modules": TARGETS, "use_rslora": True}),
    "lora on the embedding": ("LoraConfig", {"r": 4, "target_modules": [*TARGETS, "embed_tokens"]}),
    "lora and the head": ("LoraConfig", {"r": 4, "target_modules": TARGETS, "modules_to_save": ["lm_head"]}),
    "lora and tokens": ("LoraConfig", {"r": 4, "target_modules": TARGETS, "trainable_token_indices": [1, 2]}),
    "lora and named tokens": (
        "LoraConfig",
        {"r": 4, "target_modules": TARGETS, "trainable_token_indices": {"embed_tokens": [1, 2]}},
    ),
    "lora on parameters": (
        "LoraConfig",
        {"r": 4, "target_modules": TARGETS, "target_parameters": ["mlp.up_proj.weight"]},
    ),
    "replicated layers": (
        "LoraConfig",
        {"r": 4, "target_modules": TARGETS, "layer_replication": [[0, 2], [1, 2]]},
    ),
    "patterns": (
        "LoraConfig",
        {
            "r": 4,
            "target_modules": TARGETS,
            "rank_pattern": {"0.self_attn.q_proj": 2, "q_proj": 3},
            "alpha_pattern": {"q_proj": 3},
        },
    ),
    "one layer": ("LoraConfig", {"r": 4, "target_modules": TARGETS, "layers_to_transform": [1]}),
    "without a module": (
        "LoraConfig",
        {"r": 4, "target_modules": TARGETS, "exclude_modules": ["0.self_attn.q_proj"]},
    ),
    "pissa": ("LoraConfig", {"r": 4, "target_modules": TARGETS, "init_lora_weights": "pissa"}),
    "adalora": ("AdaLoraConfig", {"init_r": 6, "target_r": 3, "target_modules": TARGETS, "total_step": 10}),
    "ia3": (
        "IA3Config",
        {"target_modules": ["k_proj", "v_proj", "down_proj"], "feedforward_modules": ["down_proj"]},
    ),
    "loha": ("LoHaConfig", {"r": 4, "target_modules": TARGETS, "rank_pattern": {"v_proj": 2}}),
    "lokr": ("LoKrConfig", {"r": 4, "target_modules": TARGETS}),
    "lokr in factors": ("LoKrConfig", {"r": 1, "target_modules": TARGETS, "decompose_both": True}),
    "oft by size": ("OFTConfig", {"oft_block_size": 8, "target_modules": TARGETS}),
    "oft by an odd size": ("OFTConfig", {"oft_block_size": 5, "target_modules": TARGETS}),
    "oft by number": ("OFTConfig", {"r": 4, "oft_block_size": 0, "target_modules": TARGETS}),
    "oft shared": ("OFTConfig", {"oft_block_size": 8, "block_share": True, "target_modules": TARGETS}),
    "boft": ("BOFTConfig", {"boft_block_size": 4, "target_modules": TARGETS}),
    "boft by number": (
        "BOFTConfig",
        {"boft_block_size": 0, "boft_block_num": 4, "target_modules": TARGETS},
    ),
    "vera": ("VeraConfig", {"r": 8, "target_modules": SQUARE}),
    "vera alone": ("VeraConfig", {"r": 8, "target_modules": SQUARE, "save_projection": False}),
    "hra": ("HRAConfig", {"r": 4, "target_modules": TARGETS}),
    "ln tuning": ("LNTuningConfig", {}),
    "fourierft": ("FourierFTConfig", {"n_frequency": 10, "target_modules": TARGETS}),
    "vblora": (
        "VBLoRAConfig",
        {"r": 4, "num_vectors": 16, "vector_length": 8, "topk": 2, "target_modules": TARGETS},
    ),
    "miss": ("MissConfig", {"r": 4, "target_modules": TARGETS}),
    "c3a": ("C3AConfig", {"block_size": 8, "target_modules": TARGETS}),
    "randlora": ("RandLoraConfig", {"r": 4, "target_modules": SQUARE}),
    "delora": ("DeloraConfig", {"r": 4, "target_modules": TARGETS}),
    "prompt tuning": ("PromptTuningConfig", {"num_virtual_tokens": 5}),
    "prefix tuning": ("PrefixTuningConfig", {"num_virtual_tokens": 5}),
    "prefix with projection": (
        "PrefixTuningConfig",
        {"num_virtual_tokens": 5, "prefix_projection": True, "encoder_hidden_size": 16},
    ),
    "p-tuning": ("PromptEncoderConfig", {"num_virtual_tokens": 5, "encoder_hidden_size": 16}),
    "multitask": ("MultitaskPromptTuningConfig", {"num_virtual_tokens": 5, "num_tasks": 2}),
    "adaption prompt": ("AdaptionPromptConfig", {"adapter_len": 4, "adapter_layers": 2}),
    "trainable tokens": (
        "TrainableTokensConfig",
        {"token_indices": [1, 2, 3], "target_modules": ["embed_tokens"]},
    ),
    "poly": ("PolyConfig", {"r": 4, "n_tasks": 2, "n_skills": 2, "n_splits": 1, "target_modules": TARGETS}),
}
ABOUT_THE_CARD = {"licence-missing", "dataset-not-named", "training-environment-not-recorded"}
"""Warnings that hold for these folders whatever the method: no licence, no dataset, no release of transformers."""
TRUE_OF_ONE = {"lora on the embedding": {"base-weights-embedded"}}
"""PEFT saves a copy of the embedding that is targeted, which is what that rule says."""


def llama(cls: str = "LlamaForCausalLM") -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )
    made = getattr(transformers, cls)(config)
    made.config._name_or_path = made.name_or_path = "example/tiny-llama"
    return made


def trained(model: Any, steps: int = 2, **more: Any) -> None:
    """A few steps on random tokens, so that nothing stays at its start."""
    import torch

    ids = torch.randint(4, 64, (2, 8), generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for step in range(steps):
        model(input_ids=ids, labels=more.get("labels", ids)).loss.backward()
        optimizer.step()
        if "after" in more:
            more["after"](step + 1)
        optimizer.zero_grad()


def saved(folder: Path, method: str) -> Path:
    import peft

    kind, settings = METHODS[method]
    config = getattr(peft, kind)(task_type="CAUSAL_LM", **settings)
    model = peft.get_peft_model(llama(), config)
    if method not in ("poly", "multitask"):
        trained(model)
    model.save_pretrained(folder, save_embedding_layers="auto")
    return folder


def complaints(folder: Path) -> set[str]:
    """Errors and warnings; nothing may be unread or crash."""
    report = check(directory.snapshot(folder), Options())
    assert not report.unread
    assert report.coverage.checks["failed_to_run"] == 0
    grave = {f.rule for f in report.findings if f.severity in (Severity.ERROR, Severity.WARNING)}
    return grave - ABOUT_THE_CARD


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", METHODS)
def test_an_honest_adapter_of_every_method_passes(method: str, tmp_path: Path) -> None:
    """And its tensors are known: a method whose names we do not know would pass without having been looked at."""
    folder = saved(tmp_path, method)
    assert complaints(folder) == TRUE_OF_ONE.get(method, set())
    found = look(directory.snapshot(folder), Options()).contents.folders[""]
    config, weights = found.one(AdapterConfig), found.one(AdapterWeights)
    assert config is not None
    assert weights is not None
    assert config.peft_type in methods_of(weights)
    marks = {part.mark for part in parts(weights, MARKS[config.peft_type])}
    for requirement in TOGETHER.get(config.peft_type, ()):
        assert any(set(alternative) <= marks for alternative in requirement)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "method", ["ia3", "loha", "lokr", "lokr in factors", "oft by size", "boft", "vera", "miss"]
)
def test_an_adapter_that_was_never_trained_is_found(method: str, tmp_path: Path) -> None:
    import peft

    kind, settings = METHODS[method]
    model = peft.get_peft_model(llama(), getattr(peft, kind)(task_type="CAUSAL_LM", **settings))
    model.save_pretrained(tmp_path)
    assert complaints(tmp_path) == {"adapter-never-trained"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("base_model.model.", ""),
        ("base_model.model.", "base_model.model._orig_mod."),
        ("base", "module.base"),
    ],
)
def test_names_that_peft_does_not_load_are_found(old: str, new: str, tmp_path: Path) -> None:
    """And really are not loaded: PEFT leaves every lora_B at zero."""
    import peft
    from safetensors.torch import load_file, save_file

    path = saved(tmp_path, "lora") / "adapter_model.safetensors"
    save_file({name.replace(old, new, 1): tensor for name, tensor in load_file(path).items()}, path)
    loaded = peft.PeftModel.from_pretrained(llama(), tmp_path)
    assert not any(bool(p.any()) for name, p in loaded.named_parameters() if "lora_B" in name)
    assert "adapter-prefix-missing" in complaints(tmp_path)


def edited(folder: Path, **changes: object) -> Path:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("lora", {"r": 8}),
        ("dora", {"use_dora": False}),
        ("adalora", {"init_r": 4}),
        ("ia3", {"feedforward_modules": []}),
        ("loha", {"r": 3}),
        ("oft by size", {"oft_block_size": 4}),
        ("boft", {"boft_block_size": 2}),
        ("vera", {"r": 4}),
        ("hra", {"r": 2}),
        ("fourierft", {"n_frequency": 11}),
        ("vblora", {"num_vectors": 8}),
        ("prompt tuning", {"num_virtual_tokens": 6}),
        ("prefix tuning", {"num_virtual_tokens": 6}),
        ("prefix tuning", {"num_layers": 3}),
        ("p-tuning", {"token_dim": 16}),
        ("trainable tokens", {"token_indices": [1]}),
        ("lora and tokens", {"trainable_token_indices": [1]}),
        ("lora and the head", {"modules_to_save": ["classifier"]}),
        ("lora bias", {"lora_bias": False}),
        ("miss", {"r": 5}),
        ("ia3", {"peft_type": "LOHA"}),
    ],
)
def test_another_configuration_is_found(method: str, changes: dict[str, object], tmp_path: Path) -> None:
    assert complaints(edited(saved(tmp_path, method), **changes)) & {
        "lora-rank-mismatch",
        "adapter-tensors-differ-from-config",
        "configured-tensors-missing",
        "tensors-not-configured",
    }


@pytest.mark.filterwarnings("ignore")
def test_a_pruned_adalora_has_the_ranks_of_its_pattern(tmp_path: Path) -> None:
    """AdaLoRA drops ranks while it trains and saves what is left, by a pattern of booleans."""
    import peft

    config = peft.AdaLoraConfig(
        task_type="CAUSAL_LM", init_r=6, target_r=2, tinit=1, tfinal=1, total_step=6, target_modules=TARGETS
    )
    model = peft.get_peft_model(llama(), config)
    trained(model, 6, after=model.base_model.update_and_allocate)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["rank_pattern"]
    assert complaints(tmp_path) == set()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["LoraConfig", "PromptTuningConfig"])
def test_a_classifier_keeps_its_head(method: str, tmp_path: Path) -> None:
    import peft
    import torch

    more: dict[str, Any] = {"num_virtual_tokens": 5} if "Prompt" in method else {"target_modules": TARGETS}
    config = getattr(peft, method)(task_type="SEQ_CLS", **more)
    base = llama("LlamaForSequenceClassification")
    base.config.pad_token_id = 0
    model = peft.get_peft_model(base, config)
    trained(model, labels=torch.tensor([0, 1]))
    model.save_pretrained(tmp_path)
    assert complaints(tmp_path) == set()


@pytest.mark.filterwarnings("ignore")
def test_a_classifier_without_task_type_loses_it(tmp_path: Path) -> None:
    import peft
    import torch

    base = llama("LlamaForSequenceClassification")
    base.config.pad_token_id = 0
    model = peft.get_peft_model(base, peft.LoraConfig(target_modules=TARGETS))
    trained(model, labels=torch.tensor([0, 1]))
    model.save_pretrained(tmp_path)
    assert complaints(tmp_path) == {"classifier-head-not-saved"}


@pytest.mark.filterwarnings("ignore")
def test_several_adapters_in_one_folder(tmp_path: Path) -> None:
    """Another adapter than ``default`` is saved into a folder of its own name."""
    import peft

    model = peft.get_peft_model(llama(), peft.LoraConfig(task_type="CAUSAL_LM", target_modules=TARGETS))
    model.add_adapter("second", peft.LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=SQUARE))
    trained(model)
    model.set_adapter("second")
    trained(model)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "second" / "adapter_config.json").exists()
    assert complaints(tmp_path) == set()


@pytest.mark.filterwarnings("ignore")
def test_an_x_lora_that_peft_saves_without_its_classifier(tmp_path: Path) -> None:
    """peft 0.21.2 calls the mixed adapters 0 and 1 and drops every tensor with such a part in its name: all of them.

    The copies it saves into folders of those names hold the base's matrices. Both are said, and the honest adapters
    beside them are not accused.
    """
    import peft

    experts = {}
    for name in ("first", "second"):
        model = peft.get_peft_model(llama(), peft.LoraConfig(task_type="CAUSAL_LM", target_modules=TARGETS))
        trained(model)
        model.save_pretrained(tmp_path / name)
        experts[name] = str(tmp_path / name)
    base = llama()
    base.config.use_cache = False
    config = peft.XLoraConfig(task_type="CAUSAL_LM", hidden_size=32, adapters=experts)
    peft.get_peft_model(base, config).save_pretrained(tmp_path)
    report = check(directory.snapshot(tmp_path), Options())
    grave = {(f.rule, f.at.path) for f in report.findings if f.severity is not Severity.NOTE}
    assert ("weights-unreadable", "adapter_model.safetensors") in grave
    assert not [
        path for rule, path in grave if path.startswith(("first", "second")) and rule not in ABOUT_THE_CARD
    ]
    assert report.coverage.checks["failed_to_run"] == 0


@pytest.mark.filterwarnings("ignore")
def test_a_full_fine_tune_in_shards(tmp_path: Path) -> None:
    model = llama()
    trained(model)
    model.save_pretrained(tmp_path, max_shard_size="30KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert complaints(tmp_path) == set()
    sorted(tmp_path.glob("model-*.safetensors"))[0].unlink()
    assert complaints(tmp_path) == {"shard-missing"}
