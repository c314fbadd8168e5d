"""Whatever stands where a platform expects a number or a word: nothing crashes, neither in a reader nor in a rule."""

import json
from collections.abc import Iterator

import pytest

from auditor.engine._feed import run_checks
from auditor.engine._rules import rules
from auditor.engine.audit import Options, look
from auditor.policy import Policy
from auditor.recipes._platforms import read_recipe
from auditor.recipes._yaml import read_yaml
from tests.builders.blobs import blob, json_blob
from tests.builders.platforms import EVERY, with_config

ODD: tuple[object, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        10**400,
        0.5,
        float("nan"),
        float("inf"),
        "",
        "None",
        "x" * 5_000,
        "9" * 400,
        "2e-3",
    ),
    *([], [None, [1], {}], {}, {"a": {"b": 1}}, "../../etc", "\ud800", "\n"),
)

KEPT = (
    "_component_",
    "task",
    "model",
    "base_model",
    "model_name_or_path",
    "finetuning_type",
    "adapter",
    "peft",
)
"""What makes the file the run's own, so that rules look at it."""


def parsed(what: str) -> dict[str, object]:
    path, content = EVERY[what]
    raw = content if isinstance(content, dict) else read_yaml(blob(str(content), path))
    copy: dict[str, object] = json.loads(json.dumps(raw))
    return copy


def leaves(node: dict[str, object]) -> Iterator[tuple[dict[str, object], str]]:
    for key, value in node.items():
        yield node, key
        if isinstance(value, dict):
            yield from leaves(value)


@pytest.mark.parametrize("what", sorted(EVERY))
def test_one_odd_value_at_a_time(what: str) -> None:
    path = EVERY[what][0].rpartition(".")[0] + ".json"
    document = parsed(what)
    for node, key in list(leaves(document)):
        kept = node[key]
        for value in ODD:
            node[key] = value
            # JSON is a part of YAML; only the platform's reading is of interest here.
            for name in (path, "args.json", "my_sft.json"):
                read_recipe(name, json_blob(document, name))
        node[key] = kept


@pytest.mark.parametrize("odd", range(len(ODD)))
def test_every_value_odd_and_every_rule_run(odd: int) -> None:
    everything = sorted(EVERY)
    for what in everything[odd % 3 :: 3]:
        document = parsed(what)
        for node, key in list(leaves(document)):
            if not isinstance(node.get(key), dict) and key not in KEPT:
                node[key] = ODD[odd]
        side = look(with_config("args.json" if what == "ms-swift" else "my_sft.json", document), Options())
        outcome = run_checks(side, list(rules().values()), Policy())
        assert not outcome.failed, (what, ODD[odd], outcome.failed)
