"""adapter_config.json holds settings that PEFT refuses together, so that loading ends in a ValueError.

Loading builds the configuration again and runs its checks (peft 0.21.2, tuners/<method>/config.py, `__post_init__`):
IA3 wants `feedforward_modules` among `target_modules`; OFT and BOFT want exactly one of block size and number of
blocks, and an OFT file without `oft_block_size` is of a release before 0.14; AdaLoRA wants `total_step` and room for
its schedule, and knows neither DoRA nor LoftQ; LoRA refuses `lora_bias` with DoRA, and `layers_pattern` without
`layers_to_transform`; a prompt needs a virtual token at least.

Wrong when: the file is loaded with the older PEFT that wrote it, which did not check.

Fix: write the file with `save_pretrained` of the training run, or correct the value and say where it comes from.

Bad:
    adapter_config.json: /lora_bias = true
    adapter_config.json: /use_dora = true

Good:
    # as the trainer wrote it
"""

from collections.abc import Callable, Iterator, Mapping

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.checks._wording import shown
from auditor.model import Problem, Severity

SEVERITY = Severity.ERROR

Found = Iterator[tuple[str, str, str]]
"""(key, what is wrong, what PEFT expects)."""


def check(config: AdapterConfig) -> Iterator[Problem]:
    """By method; a value of the wrong type is the matter of other rules."""
    judge = _METHODS.get(config.peft_type or "")
    for key, says, expected in judge(config) if judge else ():
        value = config.raw.get(key)
        # A key that is absent or null was written by a release that did not ask for it yet.
        severity = Severity.WARNING if value is None else None
        yield Problem(says, config.at(f"/{key}"), expected, shown(value), severity=severity)


def _ia3(config: AdapterConfig) -> Found:
    forward, targets = config.raw.get("feedforward_modules"), config.raw.get("target_modules")
    if isinstance(forward, list) and isinstance(targets, list):
        lacking = sorted({str(name) for name in forward} - {str(name) for name in targets})
        if lacking:
            yield (
                "feedforward_modules",
                f"`feedforward_modules` names {', '.join(lacking)}, which `target_modules` does not",
                f"names of `target_modules` {shown(targets)}",
            )


def _one_of(one: str, other: str) -> Callable[[AdapterConfig], Found]:
    def judge(config: AdapterConfig) -> Found:
        values = config.raw.get(one, 0), config.raw.get(other, 0)
        if other not in config.keys and config.peft_type == "OFT":
            says = f"`{other}` is missing, so the file is of PEFT 0.13 or older, and newer releases refuse it"
            yield other, says, "the key, which PEFT 0.14 introduced"
        elif all(isinstance(value, int) for value in values) and bool(values[0]) == bool(values[1]):
            says = f"`{one}` is {values[0]} and `{other}` {values[1]}; PEFT wants exactly one of them"
            yield one, says, f"one of `{one}` and `{other}` above 0"

    return judge


def _adalora(config: AdapterConfig) -> Found:
    total, begin, end = (config.raw.get(key) for key in ("total_step", "tinit", "tfinal"))
    if total is None or (isinstance(total, int) and total <= 0):
        yield (
            "total_step",
            f"`total_step` is {shown(total)}, and AdaLoRA cannot plan without",
            "a number of steps",
        )
    elif isinstance(total, int) and isinstance(begin, int) and isinstance(end, int) and begin >= total - end:
        says = f"`tinit` {begin} and `tfinal` {end} leave no step of {total} in which ranks are given"
        yield "tinit", says, f"below {total - end}"
    for key in ("use_dora", "loftq_config"):
        if config.raw.get(key):
            yield key, f"`{key}` is set, which AdaLoRA does not support", "not set"


def _lora(config: AdapterConfig) -> Found:
    if config.raw.get("lora_bias") is True and config.use_dora:
        yield "lora_bias", "`lora_bias` and `use_dora` are both true, which PEFT refuses", "one of them"
    if config.layers_pattern and config.raw.get("layers_to_transform") is None:
        says = "`layers_pattern` is given without `layers_to_transform`"
        yield "layers_pattern", says, "both or neither"
    if config.init_lora_weights == "loftq" and not config.loftq_config:
        yield (
            "loftq_config",
            '`init_lora_weights` is "loftq" and `loftq_config` is empty',
            "a configuration of LoftQ",
        )


def _prompt(config: AdapterConfig) -> Found:
    count = config.raw.get("num_virtual_tokens")
    if "num_virtual_tokens" in config.keys and (count is None or (isinstance(count, int) and count < 1)):
        yield "num_virtual_tokens", f"`num_virtual_tokens` is {shown(count)}", "at least 1"


_METHODS: Mapping[str, Callable[[AdapterConfig], Found]] = {
    "IA3": _ia3,
    "OFT": _one_of("r", "oft_block_size"),
    "BOFT": _one_of("boft_block_size", "boft_block_num"),
    "ADALORA": _adalora,
    "LORA": _lora,
    "PROMPT_TUNING": _prompt,
    "PREFIX_TUNING": _prompt,
    "P_TUNING": _prompt,
    "MULTITASK_PROMPT_TUNING": _prompt,
}
