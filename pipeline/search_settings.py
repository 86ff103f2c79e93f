"""How a sentence is searched for: what a person may set. Knows no search, and imports no torch."""

import math
from dataclasses import dataclass

from pipeline.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How a translation is found; docs/translation.md says when to use what.

    Attributes:
        beam_size: Hypotheses kept side by side; 1 is greedy decoding.
        length_penalty: What length is forgiven, see `beam_search`; 0 forgives nothing.
        coverage_penalty: What it costs to leave parts of the source out, see `beam_search`; 0
            means nothing.
        reverse_weight: How much it counts what a translator of the other direction makes of what
            the beam found, see `ReverseModel`; 0 means that none is asked.
        mbr: So many translations are drawn, and the one most like the others is taken (minimum
            Bayes risk); 0 means that the most probable one is searched for.

    Raises:
        ConfigError: A value is outside of its range, or has no effect beside the others.
    """

    beam_size: int = 1
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    reverse_weight: float = 0.0
    mbr: int = 0

    def __post_init__(self) -> None:
        if self.beam_size < 1:
            raise ConfigError(f"beam_size: expected 1 or more, got {self.beam_size}")
        for name in ("length_penalty", "coverage_penalty", "reverse_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name}: expected 0 or more, got {getattr(self, name)}")
            if self.beam_size == 1 and getattr(self, name) != getattr(type(self), name):
                raise ConfigError(
                    f"{name}: expected a beam_size of 2 or more with it, got {self.beam_size}"
                )
        if self.mbr < 0 or self.mbr == 1:
            raise ConfigError(f"mbr: expected 0 (off) or 2 or more, got {self.mbr}")
        if self.mbr and self.beam_size > 1:
            raise ConfigError(
                f"mbr: expected a beam_size of 1, since it draws and does not search; "
                f"got {self.beam_size}"
            )

    def check_n_best(self, n_best: int) -> None:
        """Whether so many hypotheses of a sentence are to be had.

        Raises:
            ConfigError: They are more than the beam is wide, or nothing is searched for.
        """
        if self.mbr:
            raise ConfigError(f"n_best: expected none with mbr, got {n_best}")
        if not 1 <= n_best <= self.beam_size:
            raise ConfigError(
                f"n_best: expected 1 to the beam_size ({self.beam_size}), got {n_best}"
            )

    @classmethod
    def of(cls, beam_size: int, settings: "SearchSettings | None") -> "SearchSettings":
        """The settings; where there are none, those of a beam size alone.

        Raises:
            ConfigError: There are settings and a beam size beside them.
        """
        if settings is None:
            return cls(beam_size=beam_size)
        if beam_size != 1:
            raise ConfigError(
                f"beam_size: expected it in the settings, got {beam_size} beside them"
            )
        return settings
