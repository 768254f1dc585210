"""The architectures of BERT's kind, which differ in names and in a figure or two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rekall.models.export.bert_figures import (
    albert_figures,
    bare_embeddings,
    electra_figures,
    ernie_figures,
    rembert_figures,
)
from rekall.models.export.config_rules import FIGURES
from rekall.models.export.family import Family
from rekall.models.export.figures import Keys
from rekall.models.export.jina_bert import add_jina_bert, jina_bert_figures, jina_bert_states
from rekall.models.export.postnorm import add_postnorm, postnorm_states
from rekall.models.export.prenorm import add_prenorm, prenorm_states
from rekall.models.export.rules import honoured, nothing, only, same

_BERT = Family(
    nodes=add_postnorm,
    states=postnorm_states,
    prefixes=("bert.",),
    defaults={"hidden_act": "gelu", "layer_norm_eps": 1e-12},
    rules=(same("hidden_size", "emb_size"),),
)
_ROBERTA = replace(
    _BERT,
    prefixes=("roberta.",),
    keys=Keys(padding_id="pad_token_id"),
    defaults={"hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 1},
)
_PRENORM_BERT = replace(_BERT, nodes=add_prenorm, states=prenorm_states)
_PRENORM_ROBERTA = replace(_ROBERTA, nodes=add_prenorm, states=prenorm_states)
_MAPPED = ("encoder.embedding_hidden_mapping_in.", "embeddings_project.")

BERT_KIN: Mapping[str, Family] = {
    "bert": _BERT,
    "distilbert": replace(
        _BERT,
        prefixes=("distilbert.",),
        names=(
            ("transformer.layer.", "encoder.layer."),
            (".attention.q_lin.", ".attention.self.query."),
            (".attention.k_lin.", ".attention.self.key."),
            (".attention.v_lin.", ".attention.self.value."),
            (".attention.out_lin.", ".attention.output.dense."),
            (".sa_layer_norm.", ".attention.output.LayerNorm."),
            (".ffn.lin1.", ".intermediate.dense."),
            (".ffn.lin2.", ".output.dense."),
            (".output_layer_norm.", ".output.LayerNorm."),
        ),
        keys=Keys(hidden="dim", inner="hidden_dim", layers="n_layers", heads="n_heads", activation="activation"),
        defaults={"activation": "gelu"},
        fixed={"layer_norm_eps": 1e-12},
        token_types=False,
        rules=(
            same("dim", "hidden_size"),
            same("n_layers", "num_hidden_layers"),
            same("n_heads", "num_attention_heads"),
            nothing("sinusoidal_pos_embds", said="the table of positions is among the weights"),
        ),
    ),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "data2vec-text": replace(_ROBERTA, prefixes=("data2vec_text.",)),
    "ernie": replace(
        _BERT,
        prefixes=("ernie.",),
        refine=ernie_figures,
        rules=(
            honoured("use_task_id", said="whether there is a table of task types"),
            nothing("task_type_vocab_size", said="every text is of task type 0"),
            nothing("pool_act", "enable_recompute", said="transformers has no code for it"),
        ),
    ),
    "electra": replace(
        _BERT,
        prefixes=("electra.",),
        defaults={**_BERT.defaults, "embedding_size": 128},
        refine=electra_figures,
        rules=(honoured("embedding_size", said=FIGURES),),
    ),
    "rembert": replace(
        _BERT,
        prefixes=("rembert.",),
        names=(_MAPPED,),
        defaults={**_BERT.defaults, "input_embedding_size": 256},
        refine=rembert_figures,
        rules=(
            honoured("input_embedding_size", said=FIGURES),
            nothing("output_embedding_size", said="the language model's table alone"),
        ),
    ),
    "albert": replace(
        _BERT,
        prefixes=("albert.",),
        names=(
            _MAPPED,
            (".attention.query.", ".attention.self.query."),
            (".attention.key.", ".attention.self.key."),
            (".attention.value.", ".attention.self.value."),
            (".attention.dense.", ".attention.output.dense."),
            (".attention.LayerNorm.", ".attention.output.LayerNorm."),
            (".ffn.", ".intermediate.dense."),
            (".ffn_output.", ".output.dense."),
            (".full_layer_layer_norm.", ".output.LayerNorm."),
        ),
        defaults={
            "hidden_act": "gelu_new",
            "layer_norm_eps": 1e-12,
            "embedding_size": 128,
            "num_hidden_groups": 1,
            "inner_group_num": 1,
        },
        refine=albert_figures,
        rules=(
            honoured("embedding_size", "num_hidden_groups", "inner_group_num", said=FIGURES),
            nothing(
                "net_structure_type",
                "gap_size",
                "num_memory_blocks",
                "down_scale_factor",
                "layers_to_keep",
                said="transformers has no code for it",
            ),
        ),
    ),
    "megatron-bert": replace(
        _PRENORM_BERT,
        names=((".attention.ln.", ".attention.norm."), ("encoder.ln.", "final_norm."), (".ln.", ".norm.")),
        refine=bare_embeddings,
        rules=(nothing("tokenizer_type", said="tokenizer.json says how texts are cut up"),),
    ),
    "xlm-roberta-xl": replace(
        _PRENORM_ROBERTA,
        names=(
            (".attention.self_attn_layer_norm.", ".attention.norm."),
            ("encoder.LayerNorm.", "final_norm."),
            (".LayerNorm.", ".norm."),
        ),
        defaults={**_ROBERTA.defaults, "layer_norm_eps": 1e-5},
        refine=bare_embeddings,
    ),
    "roberta-prelayernorm": replace(
        _PRENORM_ROBERTA,
        prefixes=("roberta_prelayernorm.",),
        names=(
            (".attention.LayerNorm.", ".attention.norm."),
            (".intermediate.LayerNorm.", ".norm."),
            ("LayerNorm.", "final_norm."),
            ("embeddings.final_norm.", "embeddings.LayerNorm."),
        ),
    ),
    "jina_bert": replace(
        _BERT,
        nodes=add_jina_bert,
        states=jina_bert_states,
        today=lambda config: {key: value for key, value in config.items() if key != "position_embedding_type"},
        refine=jina_bert_figures,
        remote=("JinaBertModel", "JinaBertForMaskedLM"),
        rules=(
            honoured("feed_forward_type", said="the kind of the feed-forward block"),
            only("alibi", keys=["position_embedding_type"], said="there would be a table of positions"),
            nothing("emb_pooler", said="modules.json says how token vectors are pooled"),
            nothing("model_max_length", said="the tokenizer and max_position_embeddings limit a text"),
        ),
    ),
    "mpnet": replace(
        _BERT,
        prefixes=("mpnet.",),
        names=(
            (".attention.attn.q.", ".attention.self.query."),
            (".attention.attn.k.", ".attention.self.key."),
            (".attention.attn.v.", ".attention.self.value."),
            (".attention.attn.o.", ".attention.output.dense."),
            (".attention.LayerNorm.", ".attention.output.LayerNorm."),
        ),
        keys=Keys(padding_id="pad_token_id"),
        fixed={"pad_token_id": 1},
        token_types=False,
        relative_bias=True,
        rules=(only(32, keys=["relative_attention_num_buckets"], said="distances would be counted otherwise"),),
    ),
}
"""By the `model_type` of config.json."""
