"""Special tokens as tokenizer files spell them: a bare string, or an AddedToken object with its content."""

from collections.abc import Iterator, Mapping


def token_content(value: object) -> str | None:
    """The token's text, whichever form it has; None when it is neither form."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def special_tokens(raw: Mapping[str, object]) -> dict[str, str]:
    """Every ``*_token`` key that holds a token, with its text (``bos_token`` -> ``<bos>``)."""
    found = ((key, token_content(value)) for key, value in raw.items() if key.endswith("_token"))
    return {key: text for key, text in found if text is not None}


def token_list(value: object) -> Iterator[str]:
    """The texts of a list of tokens (``additional_special_tokens``)."""
    for item in value if isinstance(value, list) else ():
        text = token_content(item)
        if text is not None:
            yield text
