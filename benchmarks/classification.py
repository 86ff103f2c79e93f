"""A trained classifier beside TF-IDF and logistic regression, on the same split.

    python -m benchmarks.classification MODEL [--json]

The baseline (scikit-learn) is trained on the rows that the model was trained on: words and pairs of
words, and characters in groups of one to four, which is what Korean with its particles wants.
"""

import argparse
import json

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from pipeline.classifier import Classifier
from pipeline.evaluation import load_pairs
from pipeline.model_folder import load_model


def baseline(seed: int) -> Pipeline:
    """TF-IDF of words and characters, and logistic regression."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    regression = LogisticRegression(C=4.0, max_iter=1000, random_state=seed)
    return make_pipeline(make_union(words, characters), regression)


def main() -> None:
    """Score both and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="the folder of a trained classifier")
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    trained = load_model(options.model)
    train = load_pairs(trained, path=None, split="train")
    judged = load_pairs(trained, path=None, split=options.split)
    regression = baseline(seed=1).fit(train.sources, train.references)
    hypotheses = {
        trained.name: Classifier(trained).classify(judged.sources),
        "TF-IDF, logistic regression": list(np.asarray(regression.predict(judged.sources))),
    }
    rows = [
        {
            "name": name,
            "split": judged.split,
            "num_sentences": len(chosen),
            "accuracy": accuracy_score(judged.references, chosen),
            "macro_f1": f1_score(judged.references, chosen, average="macro"),
        }
        for name, chosen in hypotheses.items()
    ]
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    for row in rows:
        print(f"{row['name']:<28} accuracy {row['accuracy']:.2%}   macro F1 {row['macro_f1']:.4f}")


if __name__ == "__main__":
    main()
