"""The order of an optimizer's parameters against models that transformers and peft build."""

from pathlib import Path
from typing import Any

import pytest

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.compare._parameter_names import matched
from auditor.compare.states import describe_optimizer, module_order
from tests.architectures import library
from tests.architectures.cases import CASES, UNTIED_T5
from tests.builders.blobs import blob, json_blob
from tests.builders.safetensors import make_safetensors

HEADS = {
    "bert, masked",
    "roberta, masked",
    "distilbert, masked",
    "xlm-roberta, token",
    "xlm-roberta, sequence",
}
"""Models whose heads over the vocabulary or the classes stand elsewhere than in most."""


def test_an_unknown_base_has_no_order() -> None:
    config = AdapterConfig.parse(
        json_blob({"peft_type": "LORA", "target_modules": ["q_proj"]}, "adapter_config.json")
    )
    assert module_order(None, config) == ()
    base = BaseConfig.of("config.json", {"model_type": "llama", "architectures": ["LlamaForCausalLM"]})
    assert module_order(base, None) == ()
    assert module_order(BaseConfig.of("config.json", {"model_type": "no such"}), config) == ()


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", sorted(set(CASES) - UNTIED_T5 - HEADS))
def test_the_usual_order_is_that_of_every_known_class(case: str) -> None:
    """Shapes of (1, 1) throughout: nothing but the order names a tensor."""
    torch = pytest.importorskip("torch")
    from transformers.pytorch_utils import Conv1D

    cls, raw = CASES[case]
    model = library.built(raw, cls)
    modules = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear | Conv1D)]
    names = [f"base_model.model.{m}.{part}.weight" for m in modules for part in ("lora_A", "lora_B")]
    data = make_safetensors({name: ("F32", (1, 1), bytes(4)) for name in sorted(names)})
    weights = AdapterWeights.parse(blob(data, "adapter_model.safetensors"))
    found = matched([list(range(len(names)))], {}, {}, weights)
    assert list(found.names.values()) == names
    assert found.by == "the usual order of modules"


def trained(
    cls: str, raw: dict[str, Any], targets: list[str], folder: Path, **options: Any
) -> tuple[Any, Any]:
    """A model with an adapter, and an optimizer in the Trainer's groups that made one step on made-up gradients."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    settings = transformers.AutoConfig.for_model(**raw)
    wrapped = get_peft_model(
        getattr(transformers, cls)(settings), LoraConfig(r=2, target_modules=targets, **options)
    )
    trainable = [(name, p) for name, p in wrapped.named_parameters() if p.requires_grad]
    decay = [p for name, p in trainable if "bias" not in name]
    rest = [p for name, p in trainable if "bias" in name]
    made = torch.optim.AdamW([{"params": decay}, {"params": rest, "weight_decay": 0.0}])
    # Every parameter has its own gradient, whose mean tells it: number / 1000, times 1 - beta1.
    for number, (_, p) in enumerate(trainable, 1):
        p.grad = torch.full_like(p, number / 1000)
    made.step()
    torch.save(made.state_dict(), folder / "optimizer.pt")
    wrapped.save_pretrained(str(folder))
    return wrapped, trainable


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("case", "targets", "options"),
    [
        ("llama", ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], {}),
        ("llama, biases", ["v_proj", "q_proj", "embed_tokens"], {"bias": "lora_only"}),
        ("gemma3", ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2", "o_proj", "lm_head"], {}),
        ("gpt2", ["c_attn", "c_proj", "c_fc"], {"use_dora": True}),
        ("opt", ["q_proj", "v_proj", "out_proj", "fc1"], {"use_rslora": True}),
    ],
)
def test_parameters_of_real_adapters_get_their_own_names(
    case: str, targets: list[str], options: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    cls, raw = CASES[case]
    _, trainable = trained(cls, dict(raw), targets, tmp_path, **options)
    adapter = (tmp_path / "adapter_model.safetensors").read_bytes()
    weights = AdapterWeights.parse(blob(adapter, "adapter_model.safetensors"))
    config = AdapterConfig.parse(blob((tmp_path / "adapter_config.json").read_bytes(), "adapter_config.json"))
    state = OptimizerState.parse(blob((tmp_path / "optimizer.pt").read_bytes(), "optimizer.pt"))
    base = BaseConfig.of("config.json", {"architectures": [cls], **raw})
    truth = {round(0.1 * number / 1000, 7): saved(name) for number, (name, _) in enumerate(trainable, 1)}
    for modules in ((), module_order(base, config)):
        told = describe_optimizer(state, weights, modules=modules)
        assert told.mismatches == ()
        assert len(told.parameters) == len(trainable)
        for parameter in told.parameters:
            mean = float(state.array(parameter.index, "exp_avg").reshape(-1)[0])
            assert parameter.tensor == truth[round(mean, 7)]
        assert told.matched.startswith("the order of the base" if modules else "the usual order")


def saved(name: str) -> str:
    """A parameter's name as get_peft_model_state_dict saves it: without the adapter's own."""
    return name.replace(".default", "").replace("lora_magnitude_vector.weight", "lora_magnitude_vector")
