import torch
from torch import Tensor

from pipeline.nn.slots import SLOTS_A_SPEAKER, SlotReader, SlotWriter

H, E = 6, 5


def turn(num_words: int, *, seed: int = 3) -> tuple[Tensor, Tensor]:
    """Embeddings and encoder outputs of a turn, of size one and of size H."""
    torch.manual_seed(seed)
    return torch.randn(1, num_words, E), torch.randn(1, num_words, H)


def mask(num_real: int, num_places: int) -> Tensor:
    return (torch.arange(num_places) < num_real).unsqueeze(0)


def test_a_turn_adds_its_words_in_the_shares_that_the_equation_gives() -> None:
    writer = SlotWriter(H)
    words, outputs = turn(2)
    added = writer.added(words, outputs, mask(2, 2))
    expected = torch.zeros(SLOTS_A_SPEAKER, E + 1)
    for i in range(2):
        beta = (writer.w_b.weight @ outputs[0, i] + writer.w_b.bias).sigmoid()
        shares = (writer.W_k.weight @ outputs[0, i]).softmax(dim=0)
        expected += beta * torch.outer(shares, torch.cat([words[0, i], torch.ones(1)]))
    torch.testing.assert_close(added[0], expected)


def test_padding_is_not_kept() -> None:
    writer = SlotWriter(H)
    words, outputs = turn(4)
    padded = writer.added(words, outputs, mask(2, 4))
    torch.testing.assert_close(padded, writer.added(words[:, :2], outputs[:, :2], mask(2, 2)))


def test_what_was_said_fades_and_stays_with_its_speaker() -> None:
    writer = SlotWriter(H)
    added = writer.added(*turn(3), mask(3, 3))
    slots = writer(writer.empty(added), added)
    nothing = torch.zeros_like(added)
    keep = torch.sigmoid(torch.tensor(4.0))
    for num_turns in range(10):
        own, others = slots.chunk(2, dim=1)
        # The one who said it has just spoken, then is to speak, and so on.
        said, silent = (others, own) if num_turns % 2 == 0 else (own, others)
        torch.testing.assert_close(said, added * keep**num_turns)
        assert not silent.any()
        slots = writer(slots, nothing)


def test_what_is_read_is_a_mean_of_the_words_however_many_there_are() -> None:
    writer, reader = SlotWriter(H), SlotReader(H, E, E)
    word, outputs = turn(1)
    query = torch.randn(1, 2, H)
    for times in (1, 3, 100):
        words, places = word.expand(1, times, E), outputs.expand(1, times, H)
        added = writer.added(words, places, mask(times, times))
        # All words being the same one, so is their mean, but for what keeps it from 0 / 0.
        read = reader(query, writer(writer.empty(added), added))
        torch.testing.assert_close(read, word.expand(1, 2, E), rtol=0.1, atol=0.0)


def test_of_nothing_nothing_is_read() -> None:
    writer, reader = SlotWriter(H), SlotReader(H, E, E)
    added = writer.added(*turn(3), mask(3, 3))
    assert not reader(torch.randn(1, 2, H), writer.empty(added)).any()


def test_slots_are_kept_in_float32_where_the_network_runs_in_bfloat16() -> None:
    writer = SlotWriter(H)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        slots = writer.added(*turn(3), mask(3, 3))
    assert slots.dtype == torch.float32
