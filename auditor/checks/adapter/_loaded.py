"""Keys of adapter_config.json without which PEFT cannot build an adapter."""

LOADED = frozenset(
    {"peft_type", "r", "lora_alpha", "lora_dropout", "target_modules", "rank_pattern", "alpha_pattern"}
)
