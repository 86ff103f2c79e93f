"""COMET (Rei et al. 2020), a trained judge of translations, where it is installed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import ConfigError

CometScorer = Callable[[Sequence[str], Sequence[str], Sequence[str]], float]
"""Sources, hypotheses, references to COMET's score of them all; 0 to 1 with most of its models."""


def load_comet(model: str) -> CometScorer:
    """Load a model of COMET's: a checkpoint file, or a name on the Hugging Face hub.

    Raises:
        ConfigError: `unbabel-comet` is not installed, or the model cannot be loaded.
    """
    try:
        import comet
    except ImportError as error:
        raise ConfigError(
            f"--comet {model}: needs unbabel-comet, which is not installed (see docs/judging.md)"
        ) from error
    try:
        path = model if Path(model).is_file() else comet.download_model(model)
        judge = comet.load_from_checkpoint(path)
    except Exception as error:  # whatever the network, the hub or the checkpoint may raise
        raise ConfigError(f"--comet {model}: cannot be loaded ({error})") from error

    def score(
        sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]
    ) -> float:
        rows = zip(sources, hypotheses, references, strict=True)
        samples = [{"src": source, "mt": text, "ref": ref} for source, text, ref in rows]
        return float(judge.predict(samples, gpus=0, progress_bar=False).system_score)

    return score
