from typing import get_args

import pytest
from sacrebleu.tokenizers import tokenizer_ja_mecab, tokenizer_ko_mecab

from pipeline.errors import ConfigError
from pipeline.metrics import BleuProtocol, BleuTokenizer, bleu


def test_lowercased_text_is_that_of_papers_on_multi30k() -> None:
    hypotheses, references = ["the dog RUNS away."], ["The dog runs away ."]
    score = bleu(hypotheses, references, protocol=BleuProtocol(lowercase=True))
    assert score.value == pytest.approx(100)
    assert "case:lc" in score.signature
    assert "tok:13a" in score.signature
    assert bleu(hypotheses, references).value < 50


def test_text_that_is_tokenised_is_left_as_it_is() -> None:
    hypotheses, references = ["a dog's bone , here"], ["a dog's bone, here"]
    # 13a parts the comma in both.
    assert bleu(hypotheses, references).value == pytest.approx(100)
    as_it_is = bleu(hypotheses, references, protocol=BleuProtocol("none"))
    assert as_it_is.value < 50
    assert "tok:none" in as_it_is.signature


def test_every_tokenizer_that_needs_no_package_can_be_had() -> None:
    for tokenizer in get_args(BleuTokenizer):
        if not tokenizer.endswith("-mecab"):
            signature = bleu(["a b c d"], ["a b c d"], protocol=BleuProtocol(tokenizer)).signature
            assert f"tok:{tokenizer}" in signature


def test_a_tokenizer_without_its_packages_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_ko_mecab, "MeCab", None)
    monkeypatch.setattr(tokenizer_ja_mecab, "MeCab", None)
    with pytest.raises(ConfigError) as ko:
        BleuProtocol("ko-mecab")
    assert str(ko.value) == (
        '--bleu-tokenizer ko-mecab: needs sacrebleu[ko]: pip install "sacrebleu[ko]"'
    )
    with pytest.raises(ConfigError, match=r'pip install "sacrebleu\[ja\]"$'):
        BleuProtocol("ja-mecab")
