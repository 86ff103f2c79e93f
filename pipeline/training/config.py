"""The `trainer` section of a configuration, and the configuration as a whole."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pipeline.data.config import DataConfig
from pipeline.errors import ConfigError
from pipeline.nn.config import ModelConfig
from pipeline.precision import Precision

_TIME = re.compile(r"(?:(?:(?P<days>\d+):)?(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d+)")

_NOT_NEGATIVE = (
    "warmup_steps",
    "weight_decay",
    "frequency_weighting",
    "r_drop",
    "average_checkpoints",
    "patience",
)


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """How the network is trained.

    Attributes:
        begin_with: A model folder, or a model on the hub, with whose weights and tokenizers
            training begins (fine-tuning); the `model` section and `data.tokenizer` have to be as it
            has them. It is judged first, and kept if no validation is better. If not given,
            training begins with random weights.
        max_steps: Optimizer steps.
        max_time: Training time as `HH:MM:SS` (or `MM:SS`, `DD:HH:MM:SS`), or in seconds, which is
            what YAML makes of `1:30:00`. Then training ends even if steps are left; the learning
            rate follows whichever limit is nearer.
        accelerator: Lightning's: `auto`, `cpu`, `cuda`, `mps`.
        devices: How many of them train, a process and a batch of `data.batch_tokens` each; several
            processes on a CPU share its cores.
        precision: `bf16`, `fp32`, or `auto`: bf16 where the processor is good at it.
        learning_rate: The peak, after the warm-up.
        schedule: `cosine` to zero, `inverse_sqrt` of the step, or `constant`.
        warmup_steps: Steps in which the learning rate rises from zero.
        weight_decay: Of AdamW (Loshchilov & Hutter 2019).
        label_smoothing: Probability spread over the whole vocabulary (Szegedy et al. 2016).
        frequency_weighting: Of chatbots: a token counts count^-λ in the objective, count being how
            often the training split says it, and the mean over its tokens 1 (inverse token
            frequency, Nakamura et al. 2019); 0 counts all alike. What is said everywhere is then
            learnt less.
        r_drop: How much it counts that two passes with other dropout disagree (R-Drop, Wu et al.
            2021, where it is 5 for translation); each step runs its batch twice. 0 is one pass.
        minimum_risk: For translation: how many translations of each sentence are drawn from the
            model at each step, to raise their expected BLEU (Shen et al. 2016); for a model that
            can translate already (`begin_with`). 0 learns from the references alone.
        teachers: A model folder, or several of the same tokenizers, whose probabilities of each
            target token are learnt beside the references (word-level knowledge distillation, Kim &
            Rush 2016); of several the mean. For translation, and for chat without a memory.
        teacher_share: How much of a token's target distribution is the teachers'.
        accumulate: Parts that each batch is run in, one after the other: less memory, the same
            gradient. For translation, and for chat without a memory.
        max_gradient_norm: The gradient's norm is clipped to this (Pascanu et al. 2013).
        ema_decay: Of the exponential moving average of the weights, which is what is validated
            and saved; 0 takes the weights as they are.
        average_checkpoints: Instead of a moving average: what is validated and saved is the mean of
            the weights at the last so many validations (Vaswani et al. 2017, section 6.1), all of
            which the checkpoints then hold; 0 means none.
        validate_every: Steps between validations, each of which ends in a checkpoint.
        patience: Validations without a better score after which training ends; 0 means never.
    """

    begin_with: str | None = None
    max_steps: int = 3000
    max_time: str | int | None = None
    accelerator: str = "auto"
    devices: int = 1
    precision: Precision = "auto"
    learning_rate: float = 3e-3
    schedule: Literal["cosine", "inverse_sqrt", "constant"] = "cosine"
    warmup_steps: int = 200
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    frequency_weighting: float = 0.0
    r_drop: float = 0.0
    minimum_risk: int = 0
    teachers: str | list[str] = field(default_factory=list)
    teacher_share: float = 0.5
    accumulate: int = 1
    max_gradient_norm: float = 1.0
    ema_decay: float = 0.998
    average_checkpoints: int = 0
    validate_every: int = 250
    patience: int = 0

    def __post_init__(self) -> None:
        for name in ("max_steps", "devices", "accumulate", "validate_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"trainer.{name}: expected 1 or more, got {getattr(self, name)}")
        for name in ("learning_rate", "max_gradient_norm"):
            if not getattr(self, name) > 0:
                raise ConfigError(
                    f"trainer.{name}: expected more than 0, got {getattr(self, name)}"
                )
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise ConfigError(f"trainer.{name}: expected 0 or more, got {getattr(self, name)}")
        for name in ("label_smoothing", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(
                    f"trainer.{name}: expected 0 <= {name} < 1, got {getattr(self, name)}"
                )
        if self.average_checkpoints and self.ema_decay:
            raise ConfigError(
                "trainer.average_checkpoints: expected 0, or with trainer.ema_decay 0; "
                f"got {self.average_checkpoints}, and {self.ema_decay}"
            )
        if not 0 < self.teacher_share <= 1:
            raise ConfigError(
                f"trainer.teacher_share: expected 0 < teacher_share <= 1, got {self.teacher_share}"
            )
        if self.minimum_risk < 0 or self.minimum_risk == 1:
            raise ConfigError(
                "trainer.minimum_risk: expected 0 or at least 2 translations, which are compared; "
                f"got {self.minimum_risk}"
            )
        if isinstance(self.max_time, str) and not _TIME.fullmatch(self.max_time):
            raise ConfigError(f"trainer.max_time: expected HH:MM:SS, got {self.max_time}")

    @property
    def teacher_folders(self) -> list[str]:
        """`teachers`, one too, as a list."""
        return [self.teachers] if isinstance(self.teachers, str) else self.teachers

    @property
    def max_seconds(self) -> float | None:
        """`max_time` in seconds."""
        if not isinstance(self.max_time, str):
            return self.max_time
        match = _TIME.fullmatch(self.max_time)
        assert match is not None
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All that determines a run.

    Attributes:
        data: Where the text is and what is made of it.
        model: The network.
        trainer: How it is trained.
        name: The run's name; its folder is `runs/NAME`.
        seed: Of the weights' first values, the batches, dropout and sampling.
    """

    data: DataConfig
    model: ModelConfig = field(default_factory=ModelConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    name: str
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"--seed: expected 0 to {2**32 - 1}, got {self.seed}")
        if self.model.memory == "recurrent":
            self._require_conversations()
        if self.trainer.r_drop:
            self._require_two_passes()
        if self.trainer.minimum_risk:
            self._require_translations()
        if self.trainer.teachers:
            self._require_fixed_pairs()
        if self.trainer.accumulate > 1:
            self._require_pairs("trainer.accumulate")

    def _require_pairs(self, key: str) -> None:
        task = "chat" if self.data.is_chat else self.data.task
        if task not in ("translation", "chat") or self.model.memory == "recurrent":
            raise ConfigError(
                f"{key}: expected with translation, or with chat without a memory; got "
                f"{task}" + (" with one" if self.model.memory == "recurrent" else "")
            )

    def _require_fixed_pairs(self) -> None:
        self._require_pairs("trainer.teachers")
        for name in ("r_drop", "minimum_risk"):
            if getattr(self.trainer, name):
                raise ConfigError(f"trainer.teachers: not possible with trainer.{name}")
        for name in ("sampling_alpha", "bpe_dropout"):
            if getattr(self.data.tokenizer, name):
                raise ConfigError(
                    f"trainer.teachers: not possible with data.tokenizer.{name}; what teachers say "
                    "of each pair is found once"
                )

    def _require_two_passes(self) -> None:
        self._require_pairs("trainer.r_drop")
        if self.trainer.frequency_weighting:
            raise ConfigError("trainer.r_drop: not possible with trainer.frequency_weighting")

    def _require_translations(self) -> None:
        task = "chat" if self.data.is_chat else self.data.task
        if task != "translation":
            raise ConfigError(f"trainer.minimum_risk: expected with translation; got {task}")
        for name in ("r_drop", "frequency_weighting"):
            if getattr(self.trainer, name):
                raise ConfigError(f"trainer.minimum_risk: not possible with trainer.{name}")

    def _require_conversations(self) -> None:
        data = self.data
        if data.dialogue is None:
            raise ConfigError(
                "model.memory: recurrent is trained on conversations: expected data.dialogue, "
                f"the column of the turns; got {data.source} and {data.target}"
            )
        if not data.tokenizer.joint:
            raise ConfigError("data.tokenizer.joint: expected true with model.memory recurrent")
        refused = {
            "data.tokenizer.sampling_alpha": data.tokenizer.sampling_alpha,
            "data.tokenizer.bpe_dropout": data.tokenizer.bpe_dropout,
            "data.reverse": data.reverse,
            "data.max_target_repeats": data.max_target_repeats,
            "data.ending_from": data.ending_from,
        }
        for name, value in refused.items():
            if value:
                raise ConfigError(f"{name}: not possible with model.memory recurrent, got {value}")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in YAML."""
        return asdict(self)
