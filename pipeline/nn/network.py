"""The kinds of RNN: what they have in common is a loss over a batch."""

from pipeline.nn.classifier import SequenceClassifier
from pipeline.nn.forecaster import Forecaster
from pipeline.nn.language_model import LanguageModel
from pipeline.nn.seq2seq import Seq2Seq

Network = Seq2Seq | SequenceClassifier | LanguageModel | Forecaster
"""Encoder-decoder; many-to-one; many-to-many over tokens, and over numbers."""
