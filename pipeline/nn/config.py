"""The `model` section of a configuration: the sizes and parts of the network."""

from dataclasses import dataclass
from typing import Literal

from pipeline.errors import ConfigError

CellName = Literal["elman", "irnn", "gru", "lstm", "ln_lstm", "dt_gru", "mingru", "minlstm", "sru"]
AttentionName = Literal["none", "dot", "general", "additive", "multi_head"]
AttentionPlace = Literal["last", "each"]
EmbeddingName = Literal["learned", "one_hot", "word2vec"]
RecurrentInitName = Literal["orthogonal", "xavier"]
MemoryName = Literal["none", "recurrent"]
MemoryBiasName = Literal["own", "zero", "one", "chrono"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network, without its vocabulary.

    Attributes:
        cell: The recurrent cell of encoder and decoder (`pipeline/nn/cells`).
        bias: Whether vanilla cells (`elman`, `irnn`) add b_h, which the equations of this project
            leave out; the gated ones always have their biases.
        attention: How the decoder looks back at the source; `none` leaves it the hidden state
            alone (Sutskever et al. 2014; Cho et al. 2014).
        attention_after: The decoder's `last` layer (Luong et al. 2015), or `each` layer: what it
            finds then goes on into the layer above, whose state so knows what was looked at (after
            the multi-layer attention of RNMT+, Chen et al. 2018), without a loop over the steps.
        lexical: Whether the embeddings of the words looked at go straight to the next token, beside
            what the encoder made of them (Nguyen & Chiang 2018).
        coverage: Whether attention looks twice, the second time knowing what its first looks have
            covered at the steps before (after Tu et al. 2016 and Chorowski et al. 2015) and found
            at this one (Sukhbaatar et al. 2015).
        deep_output: Whether there is a hidden layer between what is known of the next token and
            the softmax (Pascanu et al. 2014).
        input_feeding: Whether the decoder reads, beside a token, the features that predicted it
            (Luong et al. 2015, section 3.3). Exact, and slow: training then runs step by step.
        memory: For chat: `none` lets the encoder read the last turns, as many as the context holds,
            with every message anew; `recurrent` lets it read each turn once and carries what it
            found from turn to turn (Serban et al. 2016), however long the conversation.
        num_heads: Heads of `multi_head` attention.
        embedding: `learned`, from random vectors; `word2vec`, learned too, but begun as Word2Vec
            vectors (Mikolov et al. 2013) of the training split's pieces; or `one_hot`, the
            identity, where W_xh has a row for each piece and there is no matrix to tie.
        embedding_dim: Size of a token's vector, and of the features before the softmax.
        hidden_size: Size of the hidden state; a bidirectional encoder gives each direction half.
        num_layers: Layers of the encoder, and of the decoder.
        bidirectional: Whether the encoder also reads from right to left.
        recurrent_init: How the matrices of h_{t-1} begin: `orthogonal` (Saxe et al. 2014), which
            neither shrinks nor stretches a state, or `xavier` (Glorot & Bengio 2010).
        memory_bias: First bias of the gate that keeps (the forget gate of an LSTM): `zero`, `one`,
            `own`, which is one for LSTMs (Jozefowicz et al. 2015) and zero for the others, or
            `chrono`, for memories of 1 to `chrono_steps` steps (Tallec & Ollivier 2018).
        chrono_steps: The longest memory of `memory_bias: chrono`.
        dropout: Probability with which a unit is zeroed, between layers and around them.
        variational_dropout: Whether a unit is zeroed at all time steps of a sentence or at none
            (Gal & Ghahramani 2016).
        word_dropout: Probability with which the whole vector of a token is zeroed, in source and
            target (Sennrich et al. 2016).
        embedding_dropout: Probability with which a row of the embedding matrix is zeroed for a
            sentence, so that all tokens of a word are (Gal & Ghahramani 2016; Merity et al. 2018).
        weight_dropout: Probability with which an entry of W_hh is zeroed (Merity et al. 2018); for
            GRU and LSTM.
        readout: Whether a classifier reads h_T out with W_hy; without it the units of the state are
            the logits, one for each label.
        residual: Whether each layer after the first adds its input to its output.
        tie_embeddings: One matrix for embeddings and softmax (Press & Wolf 2017), and for the
            source too where the vocabulary is joint.
    """

    cell: CellName = "gru"
    bias: bool = False
    attention: AttentionName = "general"
    attention_after: AttentionPlace = "last"
    lexical: bool = False
    coverage: bool = False
    deep_output: bool = False
    input_feeding: bool = False
    memory: MemoryName = "none"
    num_heads: int = 8
    embedding: EmbeddingName = "learned"
    embedding_dim: int = 256
    hidden_size: int = 512
    num_layers: int = 1
    bidirectional: bool = True
    recurrent_init: RecurrentInitName = "orthogonal"
    memory_bias: MemoryBiasName = "own"
    chrono_steps: int = 50
    dropout: float = 0.2
    variational_dropout: bool = False
    word_dropout: float = 0.0
    embedding_dropout: float = 0.0
    weight_dropout: float = 0.0
    readout: bool = True
    residual: bool = True
    tie_embeddings: bool = True

    def __post_init__(self) -> None:
        for name in ("num_heads", "embedding_dim", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"model.{name}: expected 1 or more, got {getattr(self, name)}")
        if self.chrono_steps < 3:
            raise ConfigError(f"model.chrono_steps: expected 3 or more, got {self.chrono_steps}")
        for name in ("dropout", "word_dropout", "embedding_dropout", "weight_dropout"):
            if not 0 <= getattr(self, name) <= 0.99:
                raise ConfigError(
                    f"model.{name}: expected 0 <= {name} <= 0.99, got {getattr(self, name)}"
                )
        if self.weight_dropout and self.cell not in ("gru", "lstm"):
            raise ConfigError(
                f"model.weight_dropout: expected with the cell gru or lstm, got {self.cell}"
            )
        if self.input_feeding and self.variational_dropout:
            raise ConfigError(
                "model.variational_dropout: not possible with model.input_feeding, which runs each "
                "time step by itself"
            )
        if self.attention_after == "each" and self.attention == "none":
            raise ConfigError("model.attention_after: expected with an attention, got none")
        for name in ("lexical", "coverage"):
            if getattr(self, name) and self.attention == "none":
                raise ConfigError(f"model.{name}: expected with an attention, got none")
        if self.lexical and self.embedding == "one_hot":
            raise ConfigError("model.lexical: expected with learned embeddings, got one_hot")
        if self.bidirectional and self.hidden_size % 2:
            raise ConfigError(
                f"model.hidden_size: expected an even number for two directions, "
                f"got {self.hidden_size}"
            )
        if self.attention == "multi_head" and self.hidden_size % self.num_heads:
            raise ConfigError(
                f"model.num_heads: expected a divisor of model.hidden_size {self.hidden_size}, "
                f"got {self.num_heads}"
            )

    def require_one_direction(self) -> None:
        """For a network that predicts what comes next.

        Raises:
            ConfigError: It would read from right to left as well.
        """
        if self.bidirectional:
            raise ConfigError(
                "model.bidirectional: expected false, got true: "
                "a model that reads backwards has seen what it is to predict"
            )
