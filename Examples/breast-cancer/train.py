#!/usr/bin/env python3
"""Trains three versions of a model on a real data set and exports them for the model server.

The data set is the Wisconsin diagnostic breast cancer data that comes with scikit-learn: 569 biopsies, 30 measures of
the cells' nuclei, and what the tumour turned out to be. Half of the rows train, the other half is what callers send.

    v1  a logistic model of a first study: few rows
    v2  the same on all training rows, a little better
    v3  the mistake of a tired evening: trained on standardised features like v2, exported without the step that
        standardises them, so that it sees numbers hundreds of times too large

Run it without arguments: it makes itself a virtual environment with scikit-learn in the project's .cache.
Writes out/v1.json, out/v2.json, out/v3.json and out/rows.jsonl, and in out/v1.expected.json and so on what scikit-learn
itself says of the rows, for check.py.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "out"
ENVIRONMENT = HERE.parents[1] / ".cache" / "venv"
NAME = "breast-cancer"
SEED = 20


def enter_environment():
    """Runs this script again inside the virtual environment, made on first use, when scikit-learn is not here."""
    if importlib.util.find_spec("sklearn"):
        return
    python = ENVIRONMENT / "bin" / "python"
    if pathlib.Path(sys.prefix) == ENVIRONMENT:
        sys.exit(f"train.py: {ENVIRONMENT} has no scikit-learn; remove it and try again")
    requirements = HERE / "requirements.txt"
    complete = ENVIRONMENT / "complete"
    if not complete.exists() or complete.read_text() != requirements.read_text():
        print("train.py: installing scikit-learn into .cache/venv", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        complete.write_text(requirements.read_text())
    os.execv(python, [str(python), __file__, *sys.argv[1:]])


def model_file(version, classifier, scaler, data, accuracy, rows):
    """The model in the server's format; see docs/model-format.md."""
    model = {
        "format": "homeostat.dev/model/v1",
        "kind": "logistic",
        "name": NAME,
        "version": version,
        "features": list(map(str, data.feature_names)),
        "classes": list(map(str, data.target_names)),
        "coefficients": classifier.coef_.tolist(),
        "intercepts": classifier.intercept_.tolist(),
        "metadata": {"accuracy": round(accuracy, 4), "trainingRows": rows},
    }
    if scaler is not None:
        model["standardize"] = {"mean": scaler.mean_.tolist(), "scale": scaler.scale_.tolist()}
    return model


def scores(model, features):
    """What the server will compute from an exported model, so that accuracies are those of the file itself."""
    import numpy

    if (step := model.get("standardize")) is not None:
        features = (features - numpy.array(step["mean"])) / numpy.array(step["scale"])
    return features @ numpy.array(model["coefficients"][0]) + model["intercepts"][0]


def main():
    enter_environment()
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer()
    train_x, test_x, train_y, test_y = train_test_split(
        data.data, data.target, test_size=0.5, random_state=SEED, stratify=data.target)

    def accuracy(model):
        return float(accuracy_score(test_y, scores(model, test_x) > 0))

    expected = {}

    def fit(version, rows, scaled=True):
        scaler = StandardScaler().fit(train_x[:rows])
        classifier = LogisticRegression(max_iter=5000, C=1.0).fit(scaler.transform(train_x[:rows]), train_y[:rows])
        exported = scaler if scaled else None
        share = accuracy(model_file(version, classifier, exported, data, 0, rows))
        seen = test_x if exported is None else scaler.transform(test_x)
        expected[version] = [(str(data.target_names[label]), probabilities.tolist())
                             for label, probabilities in zip(classifier.predict(seen), classifier.predict_proba(seen))]
        return model_file(version, classifier, exported, data, share, rows)

    models = {
        "v1": fit("1.0.0-1", rows=60),
        "v2": fit("1.1.0-1", rows=len(train_x)),
        "v3": fit("1.2.0-1", rows=len(train_x), scaled=False),
    }
    OUT.mkdir(exist_ok=True)
    for label, model in models.items():
        (OUT / f"{label}.json").write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")
        (OUT / f"{label}.expected.json").write_text(json.dumps(expected[model["version"]]) + "\n", encoding="utf-8")
        print(f'{label} ({model["version"]}): accuracy {model["metadata"]["accuracy"]:.3f} on {len(test_x)} rows')

    with open(OUT / "rows.jsonl", "w", encoding="utf-8") as lines:
        for number, (row, truth) in enumerate(zip(test_x, test_y)):
            request = {
                "id": f"row-{number}",
                "parameters": {"label": str(data.target_names[truth])},
                "inputs": [{"name": "features", "shape": [1, len(row)], "datatype": "FP64", "data": row.tolist()}],
            }
            lines.write(json.dumps(request) + "\n")
    print(f"{len(test_x)} rows in {OUT / 'rows.jsonl'}")
    good, better, bad = (models[label]["metadata"]["accuracy"] for label in ("v1", "v2", "v3"))
    if not bad < good < better:
        sys.exit("train.py: the versions are not as described: v3 < v1 < v2 does not hold")


if __name__ == "__main__":
    main()
