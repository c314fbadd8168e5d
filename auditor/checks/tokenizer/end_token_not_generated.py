r"""The model stops at another token than the one the tokenizer ends texts with.

Generation ends at the ids of generation_config.json, or of config.json where there is none (transformers 5.23.0,
generation/configuration_utils.py). A model that was taught to end with the tokenizer's `eos_token`, for example after
its template was changed to ChatML, and whose configuration still names the old id, writes on and on.

Wrong when: the template ends a turn with another token than `eos_token`, and the configuration names that one; or the
serving program brings its own stop words, as LLaMA-Factory's does, which changes `eos_token` and leaves the ids.

Fix: add the id of the tokenizer's `eos_token` to `eos_token_id` in generation_config.json.

Bad:
    generation_config.json: = "{\"eos_token_id\": 5}"

Good:
    generation_config.json: = "{\"eos_token_id\": [1, 5]}"
"""

from collections.abc import Iterator

from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.generation_config import GenerationConfig, token_ids
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.checks._wording import shown
from auditor.errors import CannotRead
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.NOTE
KEY = "eos_token_id"


def check(run: Run) -> Iterator[Problem | Skip]:
    """A run's own folder, where it says where to stop; an adapter's usually does not."""
    tokenizer = run.root.one(TokenizerConfig)
    stops, place = _stops(run.root.one(GenerationConfig), run.root.one(BaseConfig))
    eos = tokenizer.tokens.get("eos_token") if tokenizer else None
    if tokenizer is None or place is None or eos is None:
        yield Skip("the folder does not name both an end-of-sequence token and the ids to stop at")
        return
    try:
        number = _id_of(eos, tokenizer, run.root.one(TokenizerJson))
    except CannotRead as error:
        yield Skip(f"tokenizer.json {error.reason}")
        return
    if number is None:
        yield Skip("the id of the end-of-sequence token is not among the added tokens")
    elif number not in stops:
        yield Problem(
            f"generation stops at {', '.join(map(str, stops))}, and the tokenizer's eos_token {shown(eos)} is {number}",
            place,
            expected=f"{number} among {KEY}",
            observed=", ".join(map(str, stops)),
        )


def _stops(
    generation: GenerationConfig | None, model: BaseConfig | None
) -> tuple[tuple[int, ...], Location | None]:
    if generation is not None:
        ids = generation.ids.get(KEY, ())
        return ids, generation.at(f"/{KEY}") if ids else None
    ids = token_ids(model.raw).get(KEY, ()) if model is not None and model.model_type else ()
    return ids, model.at(f"/{KEY}") if model is not None and ids else None


def _id_of(text: str, tokenizer: TokenizerConfig, vocabulary: TokenizerJson | None) -> int | None:
    if vocabulary is not None:
        added = vocabulary.opening().added
        return next((number for number, content in added.items() if content == text), None)
    numbers = (key for key, content in tokenizer.added_tokens.items() if content == text)
    return next((int(key) for key in numbers if key.isascii() and key.isdigit()), None)
