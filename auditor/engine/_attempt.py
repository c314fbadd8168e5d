"""The one blanket handler of the engine: a rule or an evidence that crashes must not end the audit."""

from collections.abc import Callable, Iterable, Mapping


def attempt(
    function: Callable[..., Iterable[object]], arguments: Mapping[str, object]
) -> tuple[list[object], str | None]:
    """What a generator function yields, and how it crashed if it did (None: it did not)."""
    found: list[object] = []
    try:
        found.extend(function(**arguments))
    except Exception as error:
        return found, f"{type(error).__name__}: {error}"
    return found, None
