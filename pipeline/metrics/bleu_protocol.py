"""How BLEU parts a text into tokens, and whether case counts: figures agree only where these do."""

from dataclasses import dataclass
from typing import Literal

import sacrebleu

from pipeline.errors import ConfigError

BleuTokenizer = Literal["13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "none"]


@dataclass(frozen=True)
class BleuProtocol:
    """What is done to hypotheses and references before BLEU counts their n-grams.

    Attributes:
        tokenizer: sacreBLEU's name of it; `none` is for text that is tokenised already.
        lowercase: Whether both are lowercased first, as papers on Multi30k do.

    Raises:
        ConfigError: The tokenizer needs packages that are not installed.
    """

    tokenizer: BleuTokenizer = "13a"
    lowercase: bool = False

    def __post_init__(self) -> None:
        self.metric()  # fails here, before anything has been decoded

    def metric(self) -> sacrebleu.BLEU:
        """SacreBLEU's metric (Post 2018).

        The text is expected to be detokenised. Of one that is not, sacreBLEU would warn, which
        `force` keeps it from: the corpus is the user's, and the warning would come with every
        group of lengths.
        """
        try:
            return sacrebleu.BLEU(tokenize=self.tokenizer, lowercase=self.lowercase, force=True)
        except RuntimeError as error:
            extra = f"sacrebleu[{self.tokenizer[:2]}]"
            raise ConfigError(
                f'--bleu-tokenizer {self.tokenizer}: needs {extra}: pip install "{extra}"'
            ) from error


CASED_13A = BleuProtocol()
"""That of all figures unless something else stands beside them."""
