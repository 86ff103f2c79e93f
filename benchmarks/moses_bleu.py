"""BLEU as papers on Multi30k give it: of lowercased Moses tokens.

    python -m benchmarks.moses_bleu HYPOTHESES.tsv --language fr [--json]

HYPOTHESES.tsv is what `seq2seq evaluate --output` writes. The papers' corpus has its punctuation
normalised, and is lowercased and tokenised by the scripts of Moses; here `sacremoses` does that to
hypotheses and references alike, and sacreBLEU counts the tokens as they stand. In French it differs
from `--bleu-tokenizer 13a --lowercase`, which leaves an article and its noun together (l'homme); in
English, German and Czech hardly (`docs/experiments.md`).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sacremoses import MosesPunctNormalizer, MosesTokenizer

from benchmarks.variants import read_hypotheses
from pipeline.metrics import BleuProtocol, bleu


def moses_tokens(texts: Sequence[str], language: str) -> list[str]:
    """The tokens of each text, a space between them."""
    normalizer, tokenizer = MosesPunctNormalizer(language), MosesTokenizer(language)
    return [
        tokenizer.tokenize(normalizer.normalize(text).lower(), escape=False, return_str=True)
        for text in texts
    ]


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hypotheses", type=Path, help="what `seq2seq evaluate --output` wrote")
    parser.add_argument("--language", required=True, help="of the hypotheses: de, en, fr, cs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.hypotheses.is_file():
        parser.error(f"{options.hypotheses}: expected a file of `seq2seq evaluate --output`")
    rows = read_hypotheses(options.hypotheses)
    hypotheses, references = (
        moses_tokens([row[column] for row in rows], options.language)
        for column in ("hypothesis", "reference")
    )
    score = bleu(hypotheses, references, protocol=BleuProtocol(tokenizer="none"))
    if options.json:
        print(json.dumps({"bleu": score.value, "num_sentences": len(rows)}))
        return
    print(f"BLEU {score.value:.2f} of lowercased Moses tokens, {len(rows):,} sentences")


if __name__ == "__main__":
    main()
