"""The labels of a classifier, as ids."""

from collections.abc import Sequence


class Labels:
    """Names whose place is their id; stands where a tokenizer stands for text.

    Args:
        names: The labels.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._ids = {name: number for number, name in enumerate(names)}

    @property
    def fingerprint(self) -> str:
        """Differs where the ids do."""
        return repr(list(self._ids))

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """A row with one id for each label."""
        return [[self._ids[text]] for text in texts]
