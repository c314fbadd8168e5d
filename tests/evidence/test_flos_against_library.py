"""The counted parameters against transformers' count of a real small model with an adapter around it."""

from typing import Any

import pytest

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.evidence._flos import readings
from tests.builders.blobs import json_blob
from tests.builders.repositories import TINY_BASE

pytestmark = pytest.mark.rerun

LANGUAGE = r".*language_model.*\.(q_proj|down_proj)"


@pytest.mark.parametrize(
    "settings",
    [
        {"r": 8, "target_modules": LANGUAGE},
        {"r": 4, "target_modules": ["q_proj", "fc1", "out_proj"]},
        {"r": 4, "target_modules": ["q_proj", "lm_head"]},
        {"r": 4, "target_modules": ["q_proj", "up_proj"], "use_dora": True},
        {"r": 4, "target_modules": ["q_proj", "up_proj"], "lora_bias": True},
        {"r": 4, "target_modules": ["q_proj", "up_proj"], "rank_pattern": {"up_proj": 2}},
        {"r": 4, "target_modules": ["q_proj"], "layers_to_transform": [1], "layers_pattern": ["layers"]},
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_parameters_are_those_the_library_counts(settings: dict[str, Any]) -> None:
    import json

    import peft
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(TINY_BASE)
    with torch.device("meta"):
        model = transformers.Gemma3ForConditionalGeneration(config)
        wrapped = peft.get_peft_model(model, peft.LoraConfig(**settings))
    counted = wrapped.num_parameters(exclude_embeddings=True)
    base = BaseConfig.of("config.json", json.loads((TINY_BASE / "config.json").read_text()))
    saved = AdapterConfig.parse(json_blob({"peft_type": "LORA", **settings}, "adapter_config.json"))
    found = readings(base, saved)
    assert not isinstance(found, str)
    assert counted in [reading.parameters for reading in found]
