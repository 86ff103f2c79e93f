"""Corpora: files to rows, rows to pairs, pairs to batches."""
