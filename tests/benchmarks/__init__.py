"""Of the benchmarks what can be tested: never a timing, and nothing that needs the peers."""
