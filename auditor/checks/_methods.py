"""The method of PEFT that a declared tuner stands for."""

from auditor.recipes._base import Recipe

_KINDS = {
    "lora": "LORA",
    "qlora": "LORA",
    "dora": "LORA",
    "rslora": "LORA",
    "adalora": "ADALORA",
    "ia3": "IA3",
    "prefix_tuning": "PREFIX_TUNING",
    "prompt_tuning": "PROMPT_TUNING",
    "p_tuning": "P_TUNING",
}


def declared_method(recipe: Recipe | None) -> str | None:
    """``LORA`` for a declared tuner "qlora"; None where none is declared, or none that is known here."""
    tuner = recipe.settings.get("tuner") if recipe else None
    return _KINDS.get(str(tuner.value).lower()) if tuner else None


def declares(recipe: Recipe | None) -> tuple[str, ...]:
    """A line of evidence that says which method the configuration declares, if any."""
    method = declared_method(recipe)
    return (f"{recipe.path} declares {method}",) if recipe is not None and method is not None else ()
