"""What a model is for, and with that which kind of RNN it is."""

from typing import Literal

Task = Literal["translation", "chat", "classification", "language_model", "forecast"]
"""The first two are encoder-decoders. A classifier is many-to-one; a language model and a
forecaster are many-to-many, aligned: over tokens, and over numbers."""
