"""Scripts that print the figures of docs/results.md: `python -m benchmarks.NAME`."""
