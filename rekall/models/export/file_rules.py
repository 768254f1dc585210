"""The tables of the other files: those of sentence-transformers, of its modules, and the limits of a tokenizer's file.

Read from sentence-transformers 2 to 6.2, and from the files of published models.
"""

from __future__ import annotations

from rekall.models.export.rules import Rule, honoured, nothing, only, same

_LOADING = "loads the model in another way"
_LABEL = "a name for people"

SETTINGS: tuple[Rule, ...] = (
    honoured("__version__", said="texts are trimmed as releases before 5.4 did"),
    honoured("model_type", said="SentenceTransformer; rerankers, sparse and multi-vector models are refused"),
    honoured("prompts", "default_prompt_name", said="what is put before queries and documents"),
    honoured("truncate_dim", said="the leading numbers that are kept, unless `--dimensions` says otherwise"),
    honoured("similarity_fn_name", said="a model that is not meant for cosine is said to be so"),
    nothing("requirements", "base_model", "modelcard_*", said=_LABEL),
)
"""config_sentence_transformers.json."""

_ARGUMENTS: tuple[Rule, ...] = (
    nothing(
        "trust_remote_code",
        "torch_dtype",
        "dtype",
        "attn_implementation",
        "add_pooling_layer",
        "use_safetensors",
        "low_cpu_mem_usage",
        "device_map",
        "cache_dir",
        "revision",
        "use_fast",
        "padding_side",
        "unpad_inputs",
        "use_memory_efficient_attention",
        said="how it is loaded, not what comes out",
    ),
)

_READING: tuple[Rule, ...] = (
    only({}, keys=["common", "text", "chat_template"], said="the text would be read with other settings"),
    nothing("image", "audio", "video", said="Rekall embeds text"),
)

TRANSFORMER: tuple[Rule, ...] = (
    honoured("max_seq_length", said="the limit in tokens"),
    honoured("do_lower_case", said="texts are lowercased before anything else"),
    only("feature-extraction", keys=["transformer_task"], said="another head of the model gives the vector"),
    only("token_embeddings", keys=["module_output_name"], said="another output of the model gives the vector"),
    honoured(
        "modality_config",
        said="the text's part of it",
        inside=[
            honoured(
                "text",
                said="the last hidden states",
                inside=[
                    only("forward", keys=["method"], said=_LOADING),
                    only("last_hidden_state", keys=["method_output_name"], said="another output gives the vector"),
                ],
            ),
            nothing("image", "audio", "video", "message", "*+*", said="Rekall embeds text"),
        ],
    ),
    honoured(
        "model_args",
        "model_kwargs",
        "tokenizer_args",
        "processor_kwargs",
        "config_args",
        "config_kwargs",
        said="arguments of loading",
        inside=_ARGUMENTS,
    ),
    honoured("processing_kwargs", said="settings of reading", inside=_READING),
    only(
        keys=["query_length", "document_length", "query_expansion"],
        said="queries and documents would have limits of their own, as in multi-vector models",
    ),
    only(keys=["tokenizer_name_or_path"], said="the tokenizer of another model"),
    nothing("unpad_inputs", said="how it is computed, not what comes out"),
)
"""sentence_bert_config.json, and the same under its older names."""

MODULES: tuple[Rule, ...] = (
    honoured("type", "path", said="the module and its folder"),
    nothing("idx", "name", said=_LABEL),
    nothing("kwargs", said="arguments that a caller may give; Rekall gives none"),
)
"""An entry of modules.json."""

_PLACE = "sentence_embedding"
_NAMES = only(_PLACE, keys=["module_input_name", "module_output_name"], said="it would work on the vectors of tokens")
_DIMENSION = nothing("embedding_dimension", "word_embedding_dimension", said="the width is that of what comes in")

POOLING: tuple[Rule, ...] = (
    honoured(
        "pooling_mode",
        "pooling_mode_cls_token",
        "pooling_mode_max_tokens",
        "pooling_mode_mean_tokens",
        "pooling_mode_mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens",
        "pooling_mode_lasttoken",
        said="how token vectors become one",
    ),
    honoured("include_prompt", said="whether the prompt's tokens count"),
    _DIMENSION,
)
DENSE: tuple[Rule, ...] = (
    honoured("in_features", "out_features", "bias", "activation_function", said="the layer"),
    _NAMES,
    only(False, keys=["use_residual"], said="what comes in would be added to what comes out"),
)
NORMALIZE: tuple[Rule, ...] = (_NAMES,)
DROPOUT: tuple[Rule, ...] = (nothing("dropout", said="training alone"),)
LAYER_NORM: tuple[Rule, ...] = (honoured("dimension", said="the layer's width"),)
TOKENIZER_LIMITS: tuple[Rule, ...] = (
    honoured("model_max_length", said="the limit where sentence-transformers has none of its own"),
    same("model_max_length", "max_len", said="the limit under its old name"),
    only("right", keys=["truncation_side"], said="the beginning of a long text would be cut off"),
    nothing(
        "max_length",
        "stride",
        "truncation_strategy",
        "truncation",
        said="sentence-transformers cuts at its own limit",
    ),
    nothing(
        "padding",
        "padding_side",
        "pad_to_multiple_of",
        "pad_token_type_id",
        said="padding is never looked at",
    ),
)
"""What tokenizer_config.json says of limits."""

TOKENIZER: tuple[Rule, ...] = (
    *TOKENIZER_LIMITS,
    honoured(
        "tokenizer_class",
        "added_tokens_decoder",
        "additional_special_tokens",
        "extra_special_tokens",
        "model_specific_special_tokens",
        "*_token",
        said="held against tokenizer.json",
    ),
    honoured(
        "do_lower_case",
        "strip_accents",
        "tokenize_chinese_chars",
        "keep_accents",
        "add_prefix_space",
        "legacy",
        "split_special_tokens",
        "extra_ids",
        said="how the class reads a text",
    ),
    honoured("fast_tokenizer_files", said="one tokenizer.json for every release"),
    nothing(
        "clean_up_tokenization_spaces",
        "spaces_between_special_tokens",
        "errors",
        "trim_offsets",
        said="how tokens become text again",
    ),
    nothing(
        "do_basic_tokenize",
        "never_split",
        "sp_model_kwargs",
        "remove_space",
        "wordpieces_prefix",
        "do_split_by_punc",
        said="a tokenizer without tokenizer.json alone reads it",
    ),
    nothing("auto_map", said="code that is never run: tokenizer.json holds all of the tokenizer"),
    nothing("chat_*", "*_template", "response_schema", "use_default_system_prompt", said="Rekall embeds text"),
    nothing(
        "processor_class",
        "model_input_names",
        "return_token_type_ids",
        "return_attention_mask",
        "return_tensors",
        "*_token_id",
        said="what is made of the ids",
    ),
    nothing(
        "name_or_path",
        "_name_or_path",
        "special_tokens_map_file",
        "tokenizer_file",
        "full_tokenizer_file",
        "vocab_file",
        "merges_file",
        "vocab_size",
        "spm_file",
        "tokenizer_type",
        "backend",
        "from_slow",
        "use_fast",
        "is_local",
        "local_files_only",
        "files_loaded",
        "init_inputs",
        "verbose",
        "cache_dir",
        "revision",
        "trust_remote_code",
        "transformers_version",
        "_commit_hash",
        "device_map",
        "torch_dtype",
        said="how it is loaded, or a name for people",
    ),
)
"""All of tokenizer_config.json."""

BY_MODULE = {
    "Pooling": POOLING,
    "Dense": DENSE,
    "Normalize": NORMALIZE,
    "Dropout": DROPOUT,
    "LayerNorm": LAYER_NORM,
}
"""The table of a module's config.json, by its kind."""
