"""Tiny base models with random weights, their tokenizers and some data; runs with old and new libraries alike."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.genuine.publishing import CannotTrainError

OWNER = "tiny-labs"
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
WORDS = tuple(f"{a}{b}" for a in ("ba", "de", "fi", "go", "lu", "mo", "ni", "pe") for b in "aeioulnrst")
VOCABULARY = len(SPECIAL) + len(WORDS) + 1
TEMPLATE = (
    "{% for message in messages %}{{ '<s> ' + message['role'] + ' ' + message['content'] + ' </s> ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s> assistant ' }}{% endif %}"
)


def texts(rows: int, seed: int = 3) -> list[str]:
    """Rows of four to twelve words."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(4, 12))) for _ in range(rows)]


def tokenizer(pad: bool = True) -> Any:
    """A word-level tokenizer; without ``pad`` its vocabulary reserves no token for padding, as GPT-2's does."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = [*(SPECIAL if pad else SPECIAL[1:]), *WORDS, "assistant"]
    inner = Tokenizer(models.WordLevel({piece: at for at, piece in enumerate(pieces)}, unk_token=SPECIAL[3]))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", pieces.index("</s>"))]
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    if pad:
        names |= {"pad_token": "<pad>", "mask_token": "<mask>"}
    made = PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=64, **names)
    made.chat_template = TEMPLATE
    return made


def _llama(torch: Any, transformers: Any) -> Any:
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=64,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def _gpt2(torch: Any, transformers: Any) -> Any:
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=VOCABULARY - 1,
            n_embd=32,
            n_layer=2,
            n_head=2,
            n_positions=64,
            bos_token_id=0,
            eos_token_id=1,
        )
    )


def _bert(torch: Any, transformers: Any) -> Any:
    return transformers.BertForMaskedLM(
        transformers.BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=64,
        )
    )


def _t5(torch: Any, transformers: Any) -> Any:
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=VOCABULARY,
            d_model=32,
            d_kv=8,
            d_ff=64,
            num_layers=2,
            num_heads=4,
            pad_token_id=0,
            eos_token_id=2,
            decoder_start_token_id=0,
        )
    )


def _vit(torch: Any, transformers: Any) -> Any:
    return transformers.ViTModel(
        transformers.ViTConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=8,
            patch_size=4,
        )
    )


def _qwen3_moe(torch: Any, transformers: Any) -> Any:
    return transformers.Qwen3MoeForCausalLM(
        transformers.Qwen3MoeConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=64,
            moe_intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            num_experts=4,
            num_experts_per_tok=2,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


MODELS: dict[str, Callable[[Any, Any], Any]] = {
    "tiny-llama": _llama,
    "tiny-gpt2": _gpt2,
    "tiny-bert": _bert,
    "tiny-t5": _t5,
    "tiny-vit": _vit,
    "tiny-qwen3-moe": _qwen3_moe,
}


def base(name: str) -> str:
    """The hub-like relative path of a base model, made below the working directory when it is not there yet."""
    import torch
    import transformers

    path = Path(OWNER) / name
    if name == "tiny-qwen3-moe" and not hasattr(transformers, "Qwen3MoeForCausalLM"):
        raise CannotTrainError("transformers has no Qwen3MoeForCausalLM")
    if not (path / "config.json").exists():
        torch.manual_seed(7)
        model = MODELS[name](torch, transformers)
        torch.nn.init.normal_(next(model.parameters()), std=0.1)
        model.save_pretrained(path)
        if name != "tiny-vit":
            tokenizer(pad=name != "tiny-gpt2").save_pretrained(path)
    return path.as_posix()
