"""Which tokenizer an export takes where the files of one contradict each other: the one of transformers, or none."""

import json

import pytest
from support.tokenizer_cases import CASES, IDS_FILE, TEXTS, Case, write_case

from rekall.errors import ExportFailed
from rekall.models.engine.tokenizer import ids_of
from rekall.models.export.tokenizer_choice import choose_tokenizer

IDS = json.loads(IDS_FILE.read_text("utf-8"))
MANY_ROWS = 100_000


def chosen(case, root, asked="agreed", **options):
    return choose_tokenizer(root, case.architecture, {"model_type": case.architecture}, MANY_ROWS, asked, **options)


def ids(root, found):
    content = (root / "tokenizer.json").read_text("utf-8") if found.content is None else found.content
    return ids_of(content, TEXTS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_exported_has_the_ids_of_transformers(case, tmp_path):
    root = write_case(case, tmp_path)
    if case.verdict == "refused":
        with pytest.raises(ExportFailed) as caught:
            chosen(case, root)
        assert case.says in caught.value.message
        assert "--tokenizer file" in caught.value.hint
        found = chosen(case, root, "class")
    else:
        found = chosen(case, root)
        assert (found.content is None) == (case.verdict == "kept")
        assert case.says in " ".join(found.notes)
    assert ids(root, found) == IDS[case.name]


REFUSED = [case for case in CASES if case.verdict == "refused"]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_person_can_follow_the_file(case, tmp_path):
    root = write_case(case, tmp_path)
    found = ids(root, chosen(case, root, "file"))
    if not {"add_bos_token", "add_eos_token"} & (case.config or {}).keys():
        assert found == ids_of((root / "tokenizer.json").read_text("utf-8"), TEXTS)
    else:
        assert found != IDS[case.name]


def test_every_kind_of_verdict_is_tried():
    assert {case.verdict for case in CASES} == {"kept", "changed", "refused"}


def test_what_sentence_transformers_lowercases_is_lowercased_first(tmp_path):
    case = next(case for case in CASES if case.name == "upper case kept")
    root = write_case(case, tmp_path)
    found = chosen(case, root, lowers=True)
    assert ids_of(found.content, ["The LOCK"]) == ids_of(found.content, ["the lock"])
    assert ids_of(chosen(case, root).content, ["The LOCK"]) != ids_of(chosen(case, root).content, ["the lock"])


ROLES = {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}
OTHER_KINDS = [
    ("bert", "xlm-roberta", None, "BertTokenizer is made for WordPiece and the vocabulary is Unigram"),
    ("bert", "xlm-roberta", {**ROLES, "tokenizer_class": "BertTokenizer"}, "BertTokenizer is made for WordPiece"),
    ("distilbert", "roberta", ROLES, "BertTokenizer is made for WordPiece and the vocabulary is BPE"),
    ("xlm-roberta", "gemma3_text", None, "XLMRobertaTokenizer is made for Unigram and the vocabulary is BPE"),
    ("roberta", "bert", {"tokenizer_class": "RobertaTokenizer"}, "made for BPE and the vocabulary is WordPiece"),
]


@pytest.mark.parametrize(("architecture", "base", "config", "says"), OTHER_KINDS)
def test_a_class_for_another_kind_of_vocabulary_leaves_the_file_alone(architecture, base, config, says, tmp_path):
    root = write_case(Case("", base, architecture, "kept", config=config), tmp_path)
    arguments = (root, architecture, {"model_type": architecture}, MANY_ROWS)
    found = choose_tokenizer(*arguments)
    plain = ["The lock is held: naïve 123", "检索 index", "don't  stop"]
    content = (root / "tokenizer.json").read_text("utf-8")
    assert ids_of(found.content or content, plain) == ids_of(content, plain)
    assert says in " ".join(found.notes)
    assert "tokenizer.json alone is followed" in " ".join(found.notes)
    with pytest.raises(ExportFailed) as caught:
        choose_tokenizer(*arguments, "class")
    assert says in caught.value.message
    assert "`--tokenizer class`" in caught.value.hint
