"""What the installed transformers builds for a configuration: the truth the arithmetic is held against.

`python -m tests.architectures.library > tests/architectures/built-RELEASE.json` records it for a release, in an
environment that has it; imports torch and transformers only when called.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from tests.architectures.cases import CASES

Row = tuple[str, str, int, int, bool]


def built(raw: Mapping[str, Any], cls: str) -> Any:
    """The real class on the meta device."""
    import torch
    import transformers

    settings = transformers.AutoConfig.for_model(**json.loads(json.dumps(raw)))
    with torch.device("meta"):
        model = getattr(transformers, cls)(settings)
    # Weights on the meta device are tied by the constructor in some releases and only on request in others.
    model.tie_weights()
    return model


def rows(model: Any) -> list[Row]:
    """(name, kind, in_features, out_features, bias) of every linear, Conv1D and embedding module, sorted."""
    import torch
    from transformers.pytorch_utils import Conv1D

    found: list[Row] = []
    for name, module in model.named_modules():
        if isinstance(module, Conv1D):
            inputs, outputs = module.weight.shape
            found.append((name, "conv1d", inputs, outputs, True))
        elif isinstance(module, torch.nn.Embedding):
            found.append((name, "embedding", module.num_embeddings, module.embedding_dim, False))
        elif isinstance(module, torch.nn.Linear):
            bias = module.bias is not None
            found.append((name, "linear", module.in_features, module.out_features, bias))
    return sorted(found)


def counts(model: Any) -> tuple[int, int]:
    """All parameters once, and ``num_parameters(exclude_embeddings=True)``."""
    return sum(p.numel() for p in model.parameters()), model.num_parameters(exclude_embeddings=True)


def digest(found: Iterable[Row]) -> str:
    """One word for a list of rows."""
    text = "\n".join(" ".join(map(str, row)) for row in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def knows(cls: str, model_type: str) -> bool:
    """Whether the installed release has the class and the type."""
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return model_type in CONFIG_MAPPING and hasattr(transformers, cls)


def main() -> None:
    """Print the record of the installed release."""
    record: dict[str, Any] = {}
    for case, (cls, raw) in CASES.items():
        if knows(cls, str(raw["model_type"])):
            model = built(raw, cls)
            record[case] = [digest(rows(model)), *counts(model), model.main_input_name]
    sys.stdout.write(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
