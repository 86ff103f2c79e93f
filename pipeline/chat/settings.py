"""How replies are generated: what a person may set in a chat."""

from dataclasses import dataclass

from pipeline.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ChatSettings:
    """How replies are generated.

    Attributes:
        temperature: 0 takes the most probable token, always the same; see `Sampler`.
        top_k: Only the k most probable tokens; 0 means all.
        top_p: Only the most probable tokens that hold this much probability.
        max_tokens: Pieces of a reply at most.
        seed: Where the randomness begins.
        retrieve_above: Where there is an index of questions: a message that is this similar to a known
            question, from 0 to 1, gets its answer word for word; 1 is for the same question only.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 60
    seed: int = 0
    retrieve_above: float = 0.55

    def __post_init__(self) -> None:
        for name, least in (("top_k", 0), ("max_tokens", 1), ("seed", 0)):
            value = getattr(self, name)
            if type(value) is not int:
                raise ConfigError(f"{name}: expected a whole number, got {value!r}")
            if not least <= value < 2**63:  # what torch can hold
                raise ConfigError(f"{name}: expected {least} or more, got {value}")
        similarity = self.retrieve_above
        if type(similarity) not in (int, float) or not 0 <= similarity <= 1:
            raise ConfigError(f"retrieve_above: expected 0 to 1, got {similarity!r}")
