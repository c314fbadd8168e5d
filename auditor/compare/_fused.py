"""Modules that are one on one side and several on the other: query, key and value, gate and up.

A fused module has one lora_A for what several have in the other adapter, and families order its rows in their own ways:
one behind the other in Phi-3, head by head in GPT-NeoX, BLOOM and Falcon (transformers 5.23.0, models/*/modeling_*.py).
Nothing in an adapter tells which, so the two are not compared, and are not called different either.
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.compare._names import Match, placed
from auditor.compare._relation import Unmeasured

_QKV = (
    ("q_proj", "k_proj", "v_proj"),
    ("query", "key", "value"),
    ("to_q", "to_k", "to_v"),
    ("q_lin", "k_lin", "v_lin"),
    ("wq", "wk", "wv"),
    ("q", "k", "v"),
)
_SPLIT: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("qkv_proj", "query_key_value", "qkv", "to_qkv", "Wqkv", "W_pack", "c_attn"), _QKV),
    "gate_up_proj": (("gate_proj", "up_proj"),),
}
"""Names of fused modules, with those of their parts."""


def not_compared(matches: Sequence[Match]) -> Mapping[str, Unmeasured]:
    """The modules of either side that the other has fused, or split; each with the sentence that says so."""
    base = {placed(m.base): m.base for m in matches if m.base is not None and m.head is None}
    head = {placed(m.head): m.head for m in matches if m.head is not None and m.base is None}
    return dict((*_split(base, head, "head"), *_split(head, base, "base")))


def _split(
    fused: Mapping[str, str], others: Mapping[str, str], side: str
) -> Iterator[tuple[str, Unmeasured]]:
    for place, name in fused.items():
        parent, dot, leaf = place.rpartition(".")
        for parts in _SPLIT.get(leaf, ()):
            found = [part for part in parts if f"{parent}{dot}{part}" in others]
            if found:
                listed = " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))
                why = Unmeasured(
                    f"{name} is {listed} on the {side}: fused and split modules are not compared"
                )
                yield name, why
                yield from ((others[f"{parent}{dot}{part}"], why) for part in found)
                break
