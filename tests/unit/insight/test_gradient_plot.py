from pathlib import Path

from pipeline.insight.gradient_plot import plot_gradient_norms


def test_it_writes_a_png_also_of_norms_that_are_zero(tmp_path: Path) -> None:
    path = tmp_path / "gradients.png"
    plot_gradient_norms({"elman": [1.0, 1e-30, 0.0], "lstm": [1.0, 0.9, 0.8]}, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_ending_of_the_name_chooses_the_format(tmp_path: Path) -> None:
    path = tmp_path / "gradients.svg"
    plot_gradient_norms({"gru": [1.0, 0.5]}, path)
    assert "<svg" in path.read_text(encoding="utf-8")
