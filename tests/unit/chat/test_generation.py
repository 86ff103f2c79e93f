import pytest
import torch

from pipeline.chat import ChatSettings
from pipeline.chat.generation import build_limit, build_rules, build_sampler
from pipeline.decoding import MinLength, NoRepeatContextNgram, NoRepeatNgram, RepetitionPenalty
from pipeline.errors import ConfigError


def test_the_defaults_have_no_rules() -> None:
    assert build_rules(ChatSettings(), [4, 5]) == []


def test_each_setting_has_its_rule() -> None:
    settings = ChatSettings(
        repetition_penalty=1.2, no_repeat_ngram=3, no_repeat_context_ngram=4, min_tokens=5
    )
    assert build_rules(settings, [4, 5]) == [
        RepetitionPenalty(1.2, [4, 5]),
        NoRepeatNgram(3),
        NoRepeatContextNgram(4, [4, 5]),
        MinLength(5),
    ]


def test_the_sampler_has_the_settings_of_the_chat() -> None:
    settings = ChatSettings(temperature=0.9, top_k=9, top_p=0.8, min_p=0.1)
    generator = torch.Generator()
    sampler = build_sampler(settings, generator)
    assert sampler.generator is generator
    found = (sampler.temperature, sampler.top_k, sampler.top_p, sampler.min_p)
    assert found == (0.9, 9, 0.8, 0.1)
    with pytest.raises(ConfigError, match=r"^min_p: expected 0 \(all\) to 1, got 1.5$"):
        build_sampler(ChatSettings(min_p=1.5), generator)


def test_the_limit_does_not_depend_on_the_message() -> None:
    lengths = torch.tensor([1, 50])
    assert build_limit(ChatSettings(max_tokens=7)).of(lengths).tolist() == [7, 7]
