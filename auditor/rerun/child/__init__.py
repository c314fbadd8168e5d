"""The training child: the one place that imports torch, transformers, peft and bitsandbytes.

Its modules import each other relatively and nothing else of auditor, so that they also run in an environment that has
no auditor (`__main__.py`).
"""
