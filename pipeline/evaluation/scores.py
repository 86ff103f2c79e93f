"""What the scores of every kind of model have in common."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SplitScores:
    """Scores on a split.

    Attributes:
        split: The split, or the name of the file that was scored whole.
    """

    split: str

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, without what the model wrote."""
        values = asdict(self)
        values.pop("hypotheses", None)
        return values
