"""Small configurations of every known model type, each with the class that is built from it.

Odd sizes on purpose: a head_dim that is not width / heads, grouped keys, biases and tying on and off.
"""

from collections.abc import Mapping
from typing import Any

_TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 67,
}
_GROUPED = {**_TEXT, "num_key_value_heads": 2}
_WIDE = {**_GROUPED, "head_dim": 12}
_ENCODER = {**_TEXT, "max_position_embeddings": 20}
_IMAGE: dict[str, Any] = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
_SIGLIP = {"model_type": "siglip_vision_model", **_IMAGE}
_CLIP_TEXT = {**_TEXT, "max_position_embeddings": 12, "projection_dim": 18}
_GPT2: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 20, "vocab_size": 67}
_FALCON: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 67,
}
_DISTIL: dict[str, Any] = {
    "dim": 32,
    "hidden_dim": 40,
    "n_layers": 2,
    "n_heads": 4,
    "vocab_size": 67,
    "max_position_embeddings": 20,
}
_T5: dict[str, Any] = {
    "d_model": 32,
    "d_kv": 6,
    "d_ff": 40,
    "num_layers": 2,
    "num_heads": 4,
    "vocab_size": 67,
}
_WHISPER: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 40,
    "decoder_ffn_dim": 44,
    "vocab_size": 67,
    "num_mel_bins": 8,
    "max_source_positions": 10,
    "max_target_positions": 9,
    "pad_token_id": 0,
}
_OPT: dict[str, Any] = {**_FALCON, "ffn_dim": 40, "max_position_embeddings": 12}
_GEMMA3N: dict[str, Any] = {
    **_WIDE,
    "num_hidden_layers": 10,
    "vocab_size_per_layer_input": 30,
    "hidden_size_per_layer_input": 10,
    "num_kv_shared_layers": 5,
    "laurel_rank": 6,
}
_EXPERTS: dict[str, Any] = {**_GROUPED, "moe_intermediate_size": 20, "num_experts": 3}
_MROPE: dict[str, Any] = {**_GROUPED, "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}}
_QWEN_VISION: dict[str, Any] = {
    "depth": 2,
    "embed_dim": 16,
    "hidden_size": 32,
    "num_heads": 2,
    "mlp_ratio": 3,
    "patch_size": 4,
}
_QWEN25_VISION: dict[str, Any] = {
    "depth": 2,
    "hidden_size": 16,
    "out_hidden_size": 32,
    "intermediate_size": 20,
    "num_heads": 2,
    "patch_size": 4,
}
_VIT: dict[str, Any] = {**_IMAGE, "image_size": 16, "patch_size": 4}

CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "llama": ("LlamaForCausalLM", {"model_type": "llama", **_GROUPED}),
    "llama, biases": (
        "LlamaForCausalLM",
        {"model_type": "llama", **_WIDE, "attention_bias": True, "mlp_bias": True},
    ),
    "llama, tied": ("LlamaForCausalLM", {"model_type": "llama", **_TEXT, "tie_word_embeddings": True}),
    "llama, sequence": ("LlamaForSequenceClassification", {"model_type": "llama", **_GROUPED}),
    "llama, token": (
        "LlamaForTokenClassification",
        {"model_type": "llama", **_GROUPED, "attention_bias": True},
    ),
    "llama, trunk": ("LlamaModel", {"model_type": "llama", **_GROUPED}),
    "mistral": ("MistralForCausalLM", {"model_type": "mistral", **_WIDE}),
    "mistral, tied": (
        "MistralForCausalLM",
        {"model_type": "mistral", **_GROUPED, "tie_word_embeddings": True},
    ),
    "mixtral": ("MixtralForCausalLM", {"model_type": "mixtral", **_GROUPED, "num_local_experts": 3}),
    "mixtral, tied": (
        "MixtralForCausalLM",
        {
            "model_type": "mixtral",
            **_TEXT,
            "num_key_value_heads": 4,
            "num_local_experts": 2,
            "tie_word_embeddings": True,
        },
    ),
    "qwen2": ("Qwen2ForCausalLM", {"model_type": "qwen2", **_GROUPED}),
    "qwen2, tied": (
        "Qwen2ForCausalLM",
        {"model_type": "qwen2", **_TEXT, "num_key_value_heads": 1, "tie_word_embeddings": True},
    ),
    "qwen3": ("Qwen3ForCausalLM", {"model_type": "qwen3", **_WIDE}),
    "qwen3, biases, tied": (
        "Qwen3ForCausalLM",
        {
            "model_type": "qwen3",
            **_GROUPED,
            "head_dim": 8,
            "attention_bias": True,
            "tie_word_embeddings": True,
        },
    ),
    "qwen2_moe": (
        "Qwen2MoeForCausalLM",
        {"model_type": "qwen2_moe", **_EXPERTS, "shared_expert_intermediate_size": 28},
    ),
    "qwen2_moe, every second layer": (
        "Qwen2MoeForCausalLM",
        {
            "model_type": "qwen2_moe",
            **_EXPERTS,
            "shared_expert_intermediate_size": 28,
            "decoder_sparse_step": 2,
            "tie_word_embeddings": True,
        },
    ),
    "qwen3_moe": ("Qwen3MoeForCausalLM", {"model_type": "qwen3_moe", **_EXPERTS, "head_dim": 12}),
    "qwen3_moe, one dense layer": (
        "Qwen3MoeForCausalLM",
        {
            "model_type": "qwen3_moe",
            **_EXPERTS,
            "head_dim": 8,
            "mlp_only_layers": [1],
            "attention_bias": True,
        },
    ),
    "gpt_oss": (
        "GptOssForCausalLM",
        {"model_type": "gpt_oss", **_WIDE, "num_local_experts": 3, "pad_token_id": 0},
    ),
    "gpt_oss, tied": (
        "GptOssForCausalLM",
        {
            "model_type": "gpt_oss",
            **_GROUPED,
            "head_dim": 8,
            "num_local_experts": 2,
            "pad_token_id": 0,
            "attention_bias": False,
            "tie_word_embeddings": True,
        },
    ),
    "granite": ("GraniteForCausalLM", {"model_type": "granite", **_GROUPED}),
    "granite, biases, tied": (
        "GraniteForCausalLM",
        {
            "model_type": "granite",
            **_GROUPED,
            "attention_bias": True,
            "mlp_bias": True,
            "tie_word_embeddings": True,
        },
    ),
    "smollm3": ("SmolLM3ForCausalLM", {"model_type": "smollm3", **_GROUPED, "pad_token_id": 0}),
    "smollm3, untied": (
        "SmolLM3ForCausalLM",
        {"model_type": "smollm3", **_GROUPED, "pad_token_id": 0, "tie_word_embeddings": False},
    ),
    "olmo2": ("Olmo2ForCausalLM", {"model_type": "olmo2", **_GROUPED}),
    "olmo2, tied": (
        "Olmo2ForCausalLM",
        {"model_type": "olmo2", **_TEXT, "attention_bias": True, "tie_word_embeddings": True},
    ),
    "starcoder2": ("Starcoder2ForCausalLM", {"model_type": "starcoder2", **_GROUPED}),
    "starcoder2, no biases": (
        "Starcoder2ForCausalLM",
        {"model_type": "starcoder2", **_GROUPED, "use_bias": False, "tie_word_embeddings": False},
    ),
    "gemma": ("GemmaForCausalLM", {"model_type": "gemma", **_WIDE}),
    "gemma, biases, untied": (
        "GemmaForCausalLM",
        {
            "model_type": "gemma",
            **_GROUPED,
            "head_dim": 8,
            "attention_bias": True,
            "tie_word_embeddings": False,
        },
    ),
    "gemma2": ("Gemma2ForCausalLM", {"model_type": "gemma2", **_WIDE}),
    "gemma2, sequence": (
        "Gemma2ForSequenceClassification",
        {"model_type": "gemma2", **_WIDE, "attention_bias": True},
    ),
    "gemma3_text": ("Gemma3ForCausalLM", {"model_type": "gemma3_text", **_WIDE}),
    "gemma3_text, biases, untied": (
        "Gemma3ForCausalLM",
        {"model_type": "gemma3_text", **_WIDE, "attention_bias": True, "tie_word_embeddings": False},
    ),
    "gemma3": (
        "Gemma3ForConditionalGeneration",
        {
            "model_type": "gemma3",
            "text_config": {"model_type": "gemma3_text", **_WIDE},
            "vision_config": {**_SIGLIP, "vision_use_head": False},
        },
    ),
    "gemma3, pooling head": (
        "Gemma3ForConditionalGeneration",
        {
            "model_type": "gemma3",
            "text_config": {"model_type": "gemma3_text", **_GROUPED, "head_dim": 8},
            "vision_config": _SIGLIP,
        },
    ),
    "gemma3n_text": ("Gemma3nForCausalLM", {"model_type": "gemma3n_text", **_GEMMA3N}),
    "gemma3n_text, list of widths": (
        "Gemma3nForCausalLM",
        {
            "model_type": "gemma3n_text",
            **_GEMMA3N,
            "intermediate_size": [40, 44] * 5,
            "altup_num_inputs": 3,
            "tie_word_embeddings": False,
        },
    ),
    "phi": ("PhiForCausalLM", {"model_type": "phi", **_GROUPED}),
    "phi, norms on queries, tied": (
        "PhiForCausalLM",
        {"model_type": "phi", **_TEXT, "qk_layernorm": True, "tie_word_embeddings": True},
    ),
    "phi3": ("Phi3ForCausalLM", {"model_type": "phi3", **_GROUPED, "pad_token_id": 0}),
    "phi3, tied": (
        "Phi3ForCausalLM",
        {"model_type": "phi3", **_TEXT, "pad_token_id": 0, "tie_word_embeddings": True},
    ),
    "gpt2": ("GPT2LMHeadModel", {"model_type": "gpt2", **_GPT2}),
    "gpt2, inner width": ("GPT2LMHeadModel", {"model_type": "gpt2", **_GPT2, "n_inner": 50}),
    "gpt2, sequence": ("GPT2ForSequenceClassification", {"model_type": "gpt2", **_GPT2}),
    "gpt_neox": ("GPTNeoXForCausalLM", {"model_type": "gpt_neox", **_TEXT}),
    "gpt_neox, tied": (
        "GPTNeoXForCausalLM",
        {"model_type": "gpt_neox", **_TEXT, "attention_bias": False, "tie_word_embeddings": True},
    ),
    "falcon": ("FalconForCausalLM", {"model_type": "falcon", **_FALCON}),
    "falcon, new decoder": (
        "FalconForCausalLM",
        {
            "model_type": "falcon",
            **_FALCON,
            "new_decoder_architecture": True,
            "num_kv_heads": 2,
            "ffn_hidden_size": 44,
            "bias": True,
        },
    ),
    "falcon, new decoder, one norm": (
        "FalconForCausalLM",
        {"model_type": "falcon", **_FALCON, "new_decoder_architecture": True, "num_ln_in_parallel_attn": 1},
    ),
    "falcon, sequential": (
        "FalconForCausalLM",
        {
            "model_type": "falcon",
            **_FALCON,
            "multi_query": False,
            "parallel_attn": False,
            "alibi": True,
            "bias": True,
            "tie_word_embeddings": False,
        },
    ),
    "bloom": (
        "BloomForCausalLM",
        {"model_type": "bloom", "hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": 67},
    ),
    "bloom, untied": (
        "BloomForCausalLM",
        {
            "model_type": "bloom",
            "hidden_size": 24,
            "n_layer": 3,
            "n_head": 2,
            "vocab_size": 53,
            "tie_word_embeddings": False,
        },
    ),
    "opt": ("OPTForCausalLM", {"model_type": "opt", **_OPT}),
    "opt, narrow embedding": (
        "OPTForCausalLM",
        {
            "model_type": "opt",
            **_OPT,
            "word_embed_proj_dim": 16,
            "do_layer_norm_before": False,
            "enable_bias": False,
        },
    ),
    "bert, sequence": ("BertForSequenceClassification", {"model_type": "bert", **_ENCODER}),
    "bert, masked": ("BertForMaskedLM", {"model_type": "bert", **_ENCODER}),
    "bert, question": ("BertForQuestionAnswering", {"model_type": "bert", **_ENCODER, "type_vocab_size": 3}),
    "bert, trunk": ("BertModel", {"model_type": "bert", **_ENCODER}),
    "roberta, sequence": ("RobertaForSequenceClassification", {"model_type": "roberta", **_ENCODER}),
    "roberta, masked": ("RobertaForMaskedLM", {"model_type": "roberta", **_ENCODER, "type_vocab_size": 1}),
    "xlm-roberta, token": ("XLMRobertaForTokenClassification", {"model_type": "xlm-roberta", **_ENCODER}),
    "xlm-roberta, sequence": (
        "XLMRobertaForSequenceClassification",
        {"model_type": "xlm-roberta", **_ENCODER, "id2label": {"0": "a", "1": "b", "2": "c"}},
    ),
    "distilbert, sequence": ("DistilBertForSequenceClassification", {"model_type": "distilbert", **_DISTIL}),
    "distilbert, masked": (
        "DistilBertForMaskedLM",
        {"model_type": "distilbert", **_DISTIL, "sinusoidal_pos_embds": True},
    ),
    "deberta-v2, sequence": (
        "DebertaV2ForSequenceClassification",
        {
            "model_type": "deberta-v2",
            **_ENCODER,
            "relative_attention": True,
            "position_buckets": 8,
            "pos_att_type": ["p2c", "c2p"],
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "position_biased_input": False,
            "type_vocab_size": 0,
            "pooler_hidden_size": 32,
        },
    ),
    "deberta-v2, convolution": (
        "DebertaV2ForTokenClassification",
        {
            "model_type": "deberta-v2",
            **_ENCODER,
            "relative_attention": True,
            "position_buckets": 8,
            "pos_att_type": ["p2c", "c2p"],
            "share_att_key": True,
            "conv_kernel_size": 3,
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
    ),
    "deberta-v2, absolute positions": (
        "DebertaV2ForSequenceClassification",
        {"model_type": "deberta-v2", **_ENCODER, "type_vocab_size": 2},
    ),
    "t5": ("T5ForConditionalGeneration", {"model_type": "t5", **_T5, "num_decoder_layers": 1}),
    "t5, gated": (
        "T5ForConditionalGeneration",
        {"model_type": "t5", **_T5, "feed_forward_proj": "gated-gelu"},
    ),
    "t5, untied": ("T5ForConditionalGeneration", {"model_type": "t5", **_T5, "tie_word_embeddings": False}),
    "mt5, untied": (
        "MT5ForConditionalGeneration",
        {"model_type": "mt5", **_T5, "tie_word_embeddings": False},
    ),
    "mt5, trunk": (
        "MT5Model",
        {"model_type": "mt5", **_T5, "tie_word_embeddings": True, "feed_forward_proj": "relu"},
    ),
    "vit, image": ("ViTForImageClassification", {"model_type": "vit", **_VIT}),
    "vit, trunk": ("ViTModel", {"model_type": "vit", **_VIT, "qkv_bias": False}),
    "clip": (
        "CLIPModel",
        {
            "model_type": "clip",
            "projection_dim": 18,
            "text_config": _CLIP_TEXT,
            "vision_config": {**_VIT, "projection_dim": 18},
        },
    ),
    "clip, other sizes": (
        "CLIPModel",
        {
            "model_type": "clip",
            "projection_dim": 10,
            "text_config": {**_CLIP_TEXT, "num_hidden_layers": 1, "projection_dim": 10},
            "vision_config": {**_VIT, "num_channels": 1, "projection_dim": 10},
        },
    ),
    "qwen2_vl": (
        "Qwen2VLForConditionalGeneration",
        {"model_type": "qwen2_vl", **_MROPE, "tie_word_embeddings": False, "vision_config": _QWEN_VISION},
    ),
    "qwen2_vl, tied": (
        "Qwen2VLForConditionalGeneration",
        {
            "model_type": "qwen2_vl",
            **_MROPE,
            "tie_word_embeddings": True,
            "vision_config": {
                **_QWEN_VISION,
                "spatial_merge_size": 3,
                "temporal_patch_size": 1,
                "mlp_ratio": 2,
            },
        },
    ),
    "qwen2_5_vl": (
        "Qwen2_5_VLForConditionalGeneration",
        {"model_type": "qwen2_5_vl", **_MROPE, "tie_word_embeddings": False, "vision_config": _QWEN25_VISION},
    ),
    "qwen2_5_vl, tied": (
        "Qwen2_5_VLForConditionalGeneration",
        {
            "model_type": "qwen2_5_vl",
            **_MROPE,
            "num_key_value_heads": 1,
            "tie_word_embeddings": True,
            "vision_config": {**_QWEN25_VISION, "in_channels": 1},
        },
    ),
    "whisper": ("WhisperForConditionalGeneration", {"model_type": "whisper", **_WHISPER}),
    "whisper, trunk": ("WhisperModel", {"model_type": "whisper", **_WHISPER, "decoder_layers": 3}),
}
UNTIED_T5 = frozenset({"t5, untied", "mt5, untied"})
"""Tied by transformers 5 when built from a configuration, and kept untied when both matrices are loaded (t5.py)."""
