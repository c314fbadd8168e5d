"""Audits LoRA and QLoRA model repositories without executing anything in them."""

__version__ = "0.1.0"
