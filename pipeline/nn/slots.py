"""Slots: a fixed number of places that hold the words of a conversation, however long it is.

Each slot is a weighted mean of the embeddings of what was said. Which words go into which slot, how
much each counts and how fast a slot forgets is learnt (bounded-memory control, Peng et al. 2022).
Each of the two speakers has slots of his own: first those of the one who is to speak, then those of
the one who has just spoken.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

SLOTS_A_SPEAKER = 16
_NUM_SLOTS = 2 * SLOTS_A_SPEAKER
_FIRST_KEEP = 4.0
"""Its sigmoid is 0.98: at first a slot keeps nearly all of what it held the turn before."""
_LEAST_WEIGHT = 1e-3


class SlotWriter(nn.Module):
    """A turn adds Σ_i β_i softmax(W_k o_i) ⊗ [e_i; 1], i being its words; the rest fades by γ.

    e_i is the embedding of a word, o_i the encoder's output there, β_i = sigmoid(w · o_i + b) how
    much it counts. The last of the W = E + 1 columns of the slots sums up the weights, so that a
    slot can be read as a mean.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.W_k = nn.Linear(hidden_size, SLOTS_A_SPEAKER, bias=False)
        self.w_b = nn.Linear(hidden_size, 1)
        self.keep = nn.Parameter(torch.full((SLOTS_A_SPEAKER, 1), _FIRST_KEEP))

    def added(
        self,
        words: Float[Tensor, "B S E"],
        encoder_outputs: Float[Tensor, "B S H"],
        source_mask: Bool[Tensor, "B S"],
    ) -> Float[Tensor, "B half W"]:
        """What each turn adds to the slots of its speaker."""
        weights = self.W_k(encoder_outputs).softmax(dim=-1) * self.w_b(encoder_outputs).sigmoid()
        weights = weights * source_mask.unsqueeze(-1)
        counted = torch.cat([words, words.new_ones(*words.shape[:2], 1)], dim=-1)
        added: Tensor = weights.to(words.dtype).transpose(1, 2) @ counted
        return added.to(torch.promote_types(added.dtype, torch.float32))

    def empty(self, added: Float[Tensor, "D half W"]) -> Float[Tensor, "D K W"]:
        """The slots before the first turn."""
        return torch.zeros_like(added).repeat(1, 2, 1)

    def forward(
        self, slots: Float[Tensor, "D K W"], added: Float[Tensor, "D half W"]
    ) -> Float[Tensor, "D K W"]:
        """The slots after a turn: γ of what they held, and what its speaker said."""
        keep = self.keep.sigmoid()
        speakers, listeners = slots.chunk(2, dim=1)
        return torch.cat([keep * listeners, keep * speakers + added], dim=1)


class SlotReader(nn.Module):
    """r_t = W_o (p_t S_words) / (p_t S_weights), with p_t = softmax(W_q h_t), S being the slots.

    It is added to the features of the next token. W_o begins as the identity, so a word that was
    said makes itself likelier where embedding and softmax share a matrix, as a cache does (Grave et
    al. 2017): from there the network learns which to look up, where by its recurrent state alone it
    would have to learn to carry any word through two layers before that lowers any loss.
    """

    def __init__(self, hidden_size: int, word_dim: int, feature_dim: int) -> None:
        super().__init__()
        self.W_q = nn.Linear(hidden_size, _NUM_SLOTS, bias=False)
        self.W_o = nn.Linear(word_dim, feature_dim, bias=False)
        nn.init.eye_(self.W_o.weight)

    def forward(
        self, outputs: Float[Tensor, "B T H"], slots: Float[Tensor, "B K W"]
    ) -> Float[Tensor, "B T F"]:
        """What is found for each of the decoder's outputs."""
        found = self.W_q(outputs).softmax(dim=-1).to(slots.dtype) @ slots
        read: Tensor = self.W_o(found[..., :-1] / (found[..., -1:] + _LEAST_WEIGHT))
        return read
