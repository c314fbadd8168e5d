"""What a training child is asked for: the files it reads, and the entries of its JOB.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import UsageError
from auditor.model import RerunPlan, Span
from auditor.rerun import cache
from auditor.rerun.options import RerunOptions


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files a training reads, as absolute paths."""

    base: Path
    data: Path
    tokenizer: Path | None

    @classmethod
    def of(cls, options: RerunOptions) -> "Inputs":
        """The inputs a user gave. Raises UsageError when base or data are missing."""
        if options.base is None or options.data is None:
            missing = "--base DIR" if options.base is None else "--data PATH"
            raise UsageError(f"a rerun needs {missing}", "give the base model's folder and the training data")
        tokenizer = options.tokenizer.resolve() if options.tokenizer else None
        return cls(options.base.resolve(), options.data.resolve(), tokenizer)

    def digests(self) -> Mapping[str, str]:
        """The digest of every input by name. Raises UsageError when one cannot be read."""
        return {name: cache.digest_of(path) for name, path in self.paths.items()}

    @property
    def paths(self) -> Mapping[str, Path]:
        """The inputs there are by name."""
        paths = {"base": self.base, "data": self.data, "tokenizer": self.tokenizer}
        return {name: path for name, path in paths.items() if path is not None}


def job(
    name: str,
    output: Path,
    plan: RerunPlan,
    inputs: Inputs,
    span: Span | None = None,
    resume: Path | None = None,
    rows: Mapping[int, str] | None = None,
    **changed: object,
) -> dict[str, object]:
    """One entry of JOB.json: the plan's settings, with some changed."""
    settings = {key: setting.value for key, setting in plan.settings.items()}
    part = span or plan.trained[0]
    return {
        "name": name,
        "output": str(output),
        "base": str(inputs.base),
        "tokenizer": None if inputs.tokenizer is None else str(inputs.tokenizer),
        "data": str(inputs.data),
        "settings": {**settings, **dict(part.changes), **changed},
        "start_at": part.start,
        "stop_at": part.stop,
        "resume": None if resume is None else str(resume),
        "rows": {str(number): text for number, text in (rows or {}).items()},
        # Kept activations give the same bits in half the time; a GPU too small for them falls back by itself.
        "drop_checkpointing": settings.get("gradient_checkpointing") is True,
        "digests": True,
        "report_to": [],
    }
