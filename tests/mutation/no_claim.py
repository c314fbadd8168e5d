"""Edits that no file of a repository can contradict, each with the proof; whatever is not here must be found."""

import fnmatch
import re
from dataclasses import dataclass

from tests.mutation.values import Mutation


@dataclass(frozen=True, slots=True)
class NoClaim:
    """A glob for the path, patterns for the field and for what was done, and why nothing speaks against it."""

    path: str
    field: str
    how: str
    why: str

    def excuses(self, mutation: Mutation) -> bool:
        """Whether the edit is one of these."""
        return (
            fnmatch.fnmatchcase(mutation.path, self.path)
            and re.fullmatch(self.field, mutation.field) is not None
            and re.fullmatch(self.how, mutation.how) is not None
        )


_SILENCE = "removed|null"
_ANY = ".*"
_NEEDLESS = r"(?!\*\.(bin|pt|pth|safetensors)$|\*tfevents\*$|tokenizer\.json$).*"

NO_CLAIMS: tuple[NoClaim, ...] = (
    NoClaim(
        "cheetah-*.json",
        _ANY,
        _SILENCE,
        "a declaration that is left out or null declares nothing: the default holds",
    ),
    NoClaim("*README.md", _ANY, _SILENCE, "a card that does not say something claims nothing"),
    NoClaim(".gitattributes", _NEEDLESS, _ANY, "no file of the repository has such a name"),
    NoClaim(
        "cheetah-*.json",
        "/experiment_name|/save_model/.*|/train_model_parameters/output_dir|/dataset/type|/model/type",
        "changed",
        "a name the platform gave to the experiment, to where it writes or to how it fetches: written nowhere else",
    ),
    NoClaim(
        "cheetah-*.json",
        "/train_model_parameters/(use_flash_attention|unsloth)",
        "flipped",
        "how fast the same numbers are computed: no file of a checkpoint depends on it",
    ),
    NoClaim(
        "cheetah-*.json",
        "/train_model_parameters/warmup_ratio",
        r"\* 1\.1",
        "ceil(0.11 x 18) = ceil(0.1 x 18) = 2 steps: the same schedule",
    ),
    NoClaim("*README.md", "/license", "changed", "the licence is the publisher's own to choose"),
    NoClaim(
        "*README.md", "/pipeline_tag|/tags", _ANY, "words for searching; the model's class allows several"
    ),
    NoClaim(
        "*training_args.bin",
        r"\.(output_dir|run_name|local_rank|hub_model_id|hub_token|resume_from_checkpoint|_n_gpu|_setup_devices)",
        _ANY,
        "a place, device or secret of one process: resuming elsewhere rewrites it in an honest run",
    ),
    NoClaim(
        "*training_args.bin",
        r"\.(distributed_state|deepspeed_plugin)(\..*)?",
        _ANY,
        "a place or device of one process: resuming elsewhere rewrites it in an honest run",
    ),
    NoClaim(
        "*tfevents*",
        r"args\.(output_dir|run_name|local_rank|hub_model_id|hub_token|resume_from_checkpoint)",
        _ANY,
        "a place or secret of one process: resuming elsewhere rewrites it in an honest run",
    ),
    NoClaim(
        "*tfevents*",
        r"model_config\..*",
        "removed",
        "to_json_string leaves out what equals the class's default: an absent key says nothing",
    ),
    NoClaim(
        "*tfevents*",
        r"model_config\.quantization_config\.(?!_?load_in).*",
        _ANY,
        "how 4 bits were packed: the base is published unquantized and the adapter in float32, so only this text says",
    ),
    NoClaim(
        "*tfevents*",
        r"model_config\.(.*\.)?(dtype|use_cache|transformers_version|architectures|[bp]ad_token_id|[be]os_token_id)",
        _ANY,
        "what loading rewrites in an honest run: number format, caching, tokens, the release",
    ),
    NoClaim(
        "checkpoint-9/adapter_model.safetensors",
        _ANY,
        r"\* 1\.01",
        "weights between two checkpoints that Adam can reach in these steps: only a rerun tells",
    ),
    NoClaim(
        "checkpoint-*/optimizer.pt",
        "state/.*/exp_avg",
        r"\* 1\.01",
        "another mean of gradients under the same squares is one that gradients can have: only a rerun tells",
    ),
    NoClaim(
        "*tokenizer_config.json",
        "/(is_local|local_files_only)",
        _ANY,
        "how the tokenizer was fetched on the machine that trained: no loader reads it back",
    ),
)


def reason(mutation: Mutation) -> str | None:
    """Why nothing in the repository speaks against an edit; None when something has to."""
    return next((item.why for item in NO_CLAIMS if item.excuses(mutation)), None)
