"""adapter_config.json does not say which commit of the base model was used.

`revision` is null unless the base was loaded with one (peft 0.13.2, config.py). A hub branch or a
folder can change its content under the same name, and an adapter on a changed base is another model.

Wrong when: the base is identified elsewhere, for example by a commit in the declared training config.

Fix: load the base with `revision="<commit>"`, or write the commit into the file.

Bad:
    adapter_config.json: /revision = "main"

Good:
    # no base is named, so none can be pinned
    adapter_config.json: /revision = null
    adapter_config.json: /base_model_name_or_path = null
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Problem, Severity

SEVERITY = Severity.NOTE

_BRANCHES = frozenset({"main", "master"})


def check(config: AdapterConfig) -> Iterator[Problem]:
    """Null and the usual branch names pin nothing."""
    if not config.is_peft or not config.base_model_name_or_path:
        return
    if config.revision is None or config.revision in _BRANCHES:
        yield Problem(
            f"`revision` is {config.revision or 'null'}, so the content of the base model is not pinned",
            config.at("/revision"),
            expected="a commit",
            observed=config.revision or "null",
        )
