"""The architectures of BERT's kind with rotary positions: how their configurations and tensors are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rekall.errors import ExportFailed
from rekall.models.export.family import Family
from rekall.models.export.figures import WITH_TORCH, Biases, Config, Figures, Rotary, malformed
from rekall.models.export.rotary import read_rotary
from rekall.models.export.rotary_postnorm import add_rotary_postnorm, rotary_postnorm_states
from rekall.models.export.rules import Rule, honoured, nothing, only, same

_TODAY = (
    *((f".self_attn.{part}_proj.", f".attn.{part}_proj.") for part in "qkvo"),
    (".post_attention_layernorm.", ".attn_norm."),
    (".post_mlp_layernorm.", ".mlp_norm."),
)
"""How transformers names tensors since it has these architectures; what is published has older names."""

_OLDER_NOMIC: Mapping[str, str] = {
    "n_embd": "hidden_size",
    "n_inner": "intermediate_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "layer_norm_epsilon": "layer_norm_eps",
    "rotary_emb_base": "rope_theta",
}
_GTE_BIASES = Biases(opening=False)
_GATES: Mapping[str, str] = {"swiglu": "silu", "geglu": "gelu", "glu": "Sigmoid"}

_ONE_OF_THEM = "take out what is wrong of the two"

_ROPE: tuple[Rule, ...] = (
    honoured("rope_parameters", "rope_scaling", "rope_theta", said="the angles of positions"),
    honoured("type_vocab_size", said="whether there is a table of token types"),
    honoured("head_dim", said="the width of a head"),
    nothing("position_biased_input", "rotary_emb_dim", said="whole heads turn"),
)


def _turned(figures: Figures, config: Config, where: str, theta: float) -> Figures:
    """The figures with the rotary positions of every layer, whose base is `theta` where nothing else is said."""
    parameters, older = config.get("rope_parameters") or {}, config.get("rope_scaling") or {}
    if parameters and older and parameters != older:
        raise ExportFailed(f"{where} scales its rotary positions twice: {parameters}, {older}", _ONE_OF_THEM)
    parameters = parameters or older
    asked = config.get("rope_theta")
    try:
        share = float(config.get("rotary_emb_fraction", 1.0))
        types = int(config["type_vocab_size"]) > 0
        base, trained = theta if asked is None else float(asked), int(config["max_position_embeddings"])
        rotary = read_rotary(dict(parameters), where, theta=base, share=share, trained=trained)
        agreed = asked is None or float(asked) == rotary.theta
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise malformed(where, error) from error
    if not agreed:
        raise ExportFailed(
            f"{where} names two bases of its rotary positions, {asked} and {rotary.theta:g}", _ONE_OF_THEM
        )
    if (size := config.get("head_dim")) and size * figures.heads != figures.hidden:
        raise ExportFailed(f"{where} asks for heads of {size} numbers, which is not supported", WITH_TORCH)
    rotary = replace(rotary, interleaved=bool(config.get("rotary_emb_interleaved", False)))
    return replace(figures, rotary=(rotary,) * figures.layers, token_types=types)


def _today(config: Config) -> Config:
    """NomicBERT's configuration by the names of transformers, from those of the code that it was published with."""
    given = {key: value for key, value in config.items() if value is not None}
    renamed = {_OLDER_NOMIC.get(key, key): value for key, value in given.items()}
    if (older := given.get("activation_function")) is not None:
        renamed["hidden_act"] = _GATES.get(str(older), older)
    return {**renamed, **given}


def _nomic_figures(figures: Figures, config: Config, where: str) -> Figures:
    older = config.get("activation_function")
    if older is not None and _GATES.get(str(older), older) != figures.activation:
        raise ExportFailed(
            f"{where} names two activations, `activation_function` {older} and `hidden_act` {figures.activation}",
            _ONE_OF_THEM,
        )
    biases = Biases(
        attention=bool(config.get("qkv_proj_bias")),
        opening=bool(config.get("mlp_fc1_bias")),
        closing=bool(config.get("mlp_fc2_bias")),
    )
    if config.get("rotary_scaling_factor") is None:
        positions = config.get("n_positions", figures.positions)
    else:  # beyond these, angles change with the longest text of a batch
        positions = config.get("max_trained_positions", 2048)
    try:
        figures = replace(figures, positions=int(positions), gated=older is None or older in _GATES, biases=biases)
    except (TypeError, ValueError, OverflowError) as error:
        raise malformed(where, error) from error
    return _turned(figures, config, where, 1000.0)


_NOMIC = Family(
    nodes=add_rotary_postnorm,
    states=rotary_postnorm_states,
    prefixes=("nomic_bert.", "bert."),
    names=(
        ("encoder.layers.", "layers."),
        ("emb_ln.", "embeddings.LayerNorm."),
        (".attn.Wqkv.", ".attn.qkv_proj."),
        (".attn.out_proj.", ".attn.o_proj."),
        (".norm1.", ".attn_norm."),
        (".norm2.", ".mlp_norm."),
        (".fc11.", ".up_proj."),
        (".fc12.", ".gate_proj."),
        (".fc1.", ".up_proj."),
        (".fc2.", ".down_proj."),
        *_TODAY,
    ),
    defaults={
        "hidden_act": "silu",
        "layer_norm_eps": 1e-12,
        "type_vocab_size": 2,
        "max_position_embeddings": 2048,
    },
    today=_today,
    refine=_nomic_figures,
    remote=("NomicBertModel",),
    rules=(
        *(same(key, older) for older, key in _OLDER_NOMIC.items()),
        *_ROPE,
        honoured("activation_function", said="the activation, and whether it gates"),
        honoured("n_positions", "max_trained_positions", "rotary_scaling_factor", said="the longest text"),
        honoured("rotary_emb_fraction", "rotary_emb_interleaved", said="which numbers of a head turn together"),
        honoured("qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", said="which blocks have biases"),
        only(keys=["rotary_emb_scale_base"], said="queries and keys would be scaled by their positions"),
        only(
            False,
            keys=["prenorm", "parallel_block", "parallel_block_tied_norm"],
            said="blocks would be built otherwise",
        ),
        only(False, keys=["use_rms_norm"], said="normalisations would be of another kind"),
        only(False, keys=["causal"], said="each token would see only those before it"),
        only(True, keys=["scale_attn_weights"], said="attention would be sharper"),
        only(False, keys=["scale_attn_by_inverse_layer_idx"], said="attention would differ from layer to layer"),
        only(-1, 0, keys=["moe_every_n_layers"], said="a mixture of experts"),
        nothing("moe_*", "num_experts", "num_shared_experts", "expert_*", "ffn_div", said="there is no expert"),
        nothing("pad_vocab_size_multiple", said="rows that no token has"),
        nothing("attn_pdrop", "embd_pdrop", "resid_pdrop", said="training alone"),
        nothing("dense_seq_output", "use_xentropy", "add_pooling_layer", said="belongs to a head"),
        nothing("reorder_and_upcast_attn", "n_ctx", said="how it is computed, not what comes out"),
    ),
)


def _gte_figures(figures: Figures, config: Config, where: str) -> Figures:
    return _turned(replace(figures, gated=True, biases=_GTE_BIASES), config, where, 160_000.0)


def _new_figures(figures: Figures, config: Config, where: str) -> Figures:
    return _turned(replace(figures, gated=True, biases=_GTE_BIASES), config, where, 10_000.0)


def _jina_today(config: Config) -> Config:
    """The configuration of jina-embeddings-v3 by the names of transformers, from that of the code it came with."""
    given = {key: value for key, value in config.items() if value is not None and key != "position_embedding_type"}
    if given.get("model_type") != "jina_embeddings_v3":
        given.setdefault("rotary_emb_base", 10_000.0)
    return {**({"rope_theta": given["rotary_emb_base"]} if "rotary_emb_base" in given else {}), **given}


def _jina_figures(figures: Figures, config: Config, where: str) -> Figures:
    return _turned(figures, config, where, 20_000.0)


def _roformer_figures(figures: Figures, config: Config, where: str) -> Figures:
    """Its code fixes the angles and reads no configuration of them."""
    try:
        width = int(config.get("embedding_size", figures.hidden))
    except (TypeError, ValueError, OverflowError) as error:
        raise malformed(where, error) from error
    turned = (Rotary(10_000.0, interleaved=True),) * figures.layers
    return replace(figures, rotary=turned, embedding=0 if width == figures.hidden else width)


_GTE = Family(
    nodes=add_rotary_postnorm,
    states=rotary_postnorm_states,
    prefixes=("new.", "gte."),
    names=(
        ("encoder.layer.", "layers."),
        *((f".attention.{part}_proj.", f".attn.{part}_proj.") for part in ("qkv", *"qkvo")),
        (".attn_ln.", ".attn_norm."),
        (".mlp_ln.", ".mlp_norm."),
        *_TODAY,
    ),
    defaults={
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "type_vocab_size": 1,
        "max_position_embeddings": 8192,
    },
    today=lambda config: {key: value for key, value in config.items() if key != "position_embedding_type"},
    refine=_gte_figures,
    remote=("NewModel", "GteModel"),
    rules=(
        *_ROPE,
        only("rope", keys=["position_embedding_type"], said="there would be a table of positions"),
        only("layer_norm", keys=["layer_norm_type"], said="normalisations would be of another kind"),
        only(False, keys=["logn_attention_scale"], said="attention would be sharper in longer texts"),
        nothing("logn_attention_clip1", said="there is no `logn_attention_scale`"),
        nothing("pack_qkv", said="the weights show how they are stored"),
    ),
)
_NEW = replace(_GTE, defaults={**_GTE.defaults, "max_position_embeddings": 2048}, refine=_new_figures)
_JINA = Family(
    nodes=add_rotary_postnorm,
    states=rotary_postnorm_states,
    prefixes=("roberta.",),
    names=(
        ("encoder.layers.", "layers."),
        ("emb_ln.", "embeddings.LayerNorm."),
        (".mixer.Wqkv.", ".attn.qkv_proj."),
        (".mixer.out_proj.", ".attn.o_proj."),
        (".norm1.", ".attn_norm."),
        (".norm2.", ".mlp_norm."),
        (".fc1.", ".up_proj."),
        (".fc2.", ".down_proj."),
        *_TODAY,
    ),
    defaults={
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "type_vocab_size": 1,
        "max_position_embeddings": 8194,
    },
    today=_jina_today,
    refine=_jina_figures,
    remote=("XLMRobertaLoRA", "XLMRobertaModel", "custom_st.Transformer"),
    rules=(
        *_ROPE,
        same("rope_theta", "rotary_emb_base"),
        only("rotary", keys=["position_embedding_type"], said="there would be a table of positions"),
        honoured("lora_adaptations", said="what `--task` chooses from"),
        honoured("lora_alpha", "lora_rank", "task_instructions", said="the adapter that `--task` asks for"),
        nothing("lora_dropout_p", "lora_main_params_trainable", "use_reentrant", said="training alone"),
        nothing("load_trained_adapters", said="the weights show whether they have adapters"),
        nothing("emb_pooler", said="modules.json says how token vectors are pooled"),
        only(keys=["truncate_dim"], said="vectors would be cut"),
    ),
)
_ROFORMER = Family(
    nodes=add_rotary_postnorm,
    states=rotary_postnorm_states,
    prefixes=("roformer.",),
    names=(
        ("encoder.layer.", "layers."),
        (".attention.self.query.", ".attn.q_proj."),
        (".attention.self.key.", ".attn.k_proj."),
        (".attention.self.value.", ".attn.v_proj."),
        (".attention.output.dense.", ".attn.o_proj."),
        (".attention.output.LayerNorm.", ".attn_norm."),
        (".intermediate.dense.", ".mlp.up_proj."),
        (".output.dense.", ".mlp.down_proj."),
        (".output.LayerNorm.", ".mlp_norm."),
    ),
    defaults={
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "type_vocab_size": 2,
        "max_position_embeddings": 1536,
    },
    fixed={"position_embedding_type": "absolute"},
    refine=_roformer_figures,
    rules=(
        honoured("type_vocab_size", said="whether there is a table of token types"),
        honoured("embedding_size", said="the width of the tables, from which a projection leads on"),
        only(False, keys=["rotary_value"], said="values would turn, too"),
    ),
)

ROTARY_KIN: Mapping[str, Family] = {
    "nomic_bert": _NOMIC,
    "gte": _GTE,
    "new": _NEW,
    "jina_embeddings_v3": _JINA,
    "roformer": _ROFORMER,
}
"""By the `model_type` of config.json."""
