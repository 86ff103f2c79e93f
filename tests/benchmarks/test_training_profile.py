from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.training_profile import part_of


def _event(name: str, parent: Any = None, *, named: bool = False) -> Any:
    return SimpleNamespace(name=name, cpu_parent=parent, is_user_annotation=named)


_BACKWARD = "autograd::engine::evaluate_function: "


@pytest.mark.parametrize(
    ("event", "part"),
    [
        (_event("aten::mm", _event("aten::linear", _event("encoder", named=True))), "encoder"),
        (_event("encoder", named=True), "encoder"),
        (
            _event("aten::mm", _event("attention", _event("readout", named=True), named=True)),
            "attention",
        ),
        (_event("aten::mm", _event("_ChunkedCrossEntropy")), "softmax and loss"),
        (_event("aten::add", _event(f"{_BACKWARD}EmbeddingBackward0")), "embeddings, backward"),
        (_event("aten::mm", _event(f"{_BACKWARD}MmBackward0")), "all else, backward"),
        (_event("aten::mm", _event("Optimizer.step#AdamW.step", named=True)), "all else"),
        (_event("aten::mm"), "all else"),
    ],
)
def test_time_belongs_to_the_innermost_part(event: Any, part: str) -> None:
    assert part_of(event) == part
