"""Which modules and parameters a model has, by arithmetic on its config.json: one file per model type.

A layer of its own between the readers and everything that judges: a file here knows one ``model_type`` of
transformers (its name is the type, with ``_`` for ``-``) and yields the model's modules under the names that the
library gives them. Nothing is registered; `_structure` imports the one file it needs. What a file does not know (a
key without a default common to all releases, a head it was not written for) is an UnknownSettingError, which
becomes "not checked: ..." and never a guess.

Verified against the real classes on the meta device: transformers 4.46.3, 4.51.3, 4.57.6 and 5.23.0
(tests/architectures).
"""
