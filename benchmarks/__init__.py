"""Scripts that print the figures of docs/results/: `python -m benchmarks.NAME`."""
