"""Every default and every list of choices, once: the Python signatures and the command line both take them from here.

This file imports nothing, so that ``lookalike --help`` stays quick.
"""

from __future__ import annotations

__all__ = [
    "ACT",
    "ACTS",
    "AUTOENCODER_PARTS",
    "CLASSIFIER",
    "CLASSIFIERS",
    "CLUSTER_METHOD",
    "CLUSTER_METHODS",
    "CODE",
    "COPIES_EACH",
    "DESCRIPTOR",
    "DESCRIPTORS",
    "DEVICE",
    "DEVICES",
    "EXPORT_FACES",
    "FACES",
    "FOLDS",
    "HOST",
    "ISOLATED",
    "KEEP_RULES",
    "KS",
    "LABELS",
    "LEVEL",
    "LEVELS",
    "MAP_METHOD",
    "MAP_METHODS",
    "MAP_PICTURES",
    "MAX_PIXELS",
    "MAX_THUMBNAILS",
    "MAX_UPLOAD",
    "MIN_SIZE",
    "NEIGHBOURS",
    "OLDER_THAN",
    "OUTLIER_NEIGHBOURS",
    "PARTS",
    "PERPLEXITY",
    "PLAN_LEVEL",
    "PORT",
    "PROBABILITY",
    "PROBLEM_KINDS",
    "PROBLEM_THRESHOLDS",
    "RANKS",
    "REGULARISATION",
    "SEED",
    "SPLIT_LEVEL",
    "VOTES",
    "K",
]

DESCRIPTORS = ("lite0", "pdq")
"""What `index` describes pictures by."""

DESCRIPTOR = "lite0"
"""What `search` compares by."""

K = 10
"""Neighbours of a query."""

LEVELS = ("same-file", "same-pixels", "same-picture", "edited", "same-scene")
"""Verdicts that `duplicates` can report down to, strongest first."""

LEVEL = "same-picture"

PROBABILITY = 0.5
"""Least probability of what is called a copy."""

KEEP_RULES = (
    "uncropped", "upright", "unaltered", "colour", "pixels", "lossless", "quality", "metadata", "complete",
    "oldest", "name",
)  # fmt: skip
"""What decides which picture of a group to keep; the first rule by which two differ does."""

MAX_PIXELS = 100_000_000
"""Largest picture that is decoded, in width x height."""

ISOLATED = True
"""Whether indexing decodes in processes of their own."""

HOST = "127.0.0.1"
"""Where `serve` listens: this machine alone reaches it."""

PORT = 8000
"""Where `serve` listens; the next free one where it is taken."""

MAX_THUMBNAILS = 2_000_000_000
"""Bytes that the thumbnails of a library may take; about 200,000 of them."""

MAX_UPLOAD = 20_000_000
"""Bytes of the largest request that a server takes."""

LABELS = "folder"
"""How labels are told where they narrow a search: by the name of a picture's folder."""

DEVICES = ("auto", "cpu", "cuda", "coreml", "directml")
DEVICE = "auto"

FACES = ("table", "csv", "json", "jsonl", "parquet")
"""Forms in which rows are printed."""

EXPORT_FACES = ("csv", "npy", "npz", "parquet", "imagefolder", "labelstudio")
"""Forms in which vectors are exported; the last two are lists for labelling tools."""

COPIES_EACH = 4
"""Copies of each kind at each strength that `evaluate copies` makes."""

SEED = 0
"""Of everything that is done by lot."""

PARTS = "train=.7,val=.15,test=.15"
"""Of `split`."""

SPLIT_LEVEL = "edited"
"""Weakest verdict that keeps two pictures on one side of a split."""

CLASSIFIERS = ("logistic", "knn")
"""How `classify` tells classes from vectors."""

CLASSIFIER = "logistic"

FOLDS = 5
"""Of a cross-validation."""

NEIGHBOURS = 9
"""Pictures that have a say in the class of one, by "knn"."""

REGULARISATION = 1.0
"""Of "logistic": 1 / C of scikit-learn. Of 0.1 to 100,000, 1 to 10 classified best: docs/how-to/classify.md."""

CLUSTER_METHODS = ("kmeans", "hdbscan")
"""How `cluster` finds clusters."""

CLUSTER_METHOD = "kmeans"

KS = "2-12"
"""Numbers of clusters to choose among."""

MIN_SIZE = 10
"""Pictures that make a cluster for "hdbscan"."""

VOTES = 9
"""Neighbours that tell the cluster of a query."""

MAP_METHODS = ("tsne", "pca")
"""How `map` lays pictures out in the plane."""

MAP_METHOD = "tsne"

PERPLEXITY = 30.0
"""Of "tsne": about how many neighbours each picture keeps."""

MAP_PICTURES = 5_000
"""Most pictures on a page of a map."""

NETWORKS = ("small", "modern", "lite0")
"""What `train cnn` trains: the published one, a residual one, EfficientNet-Lite0 from its ImageNet weights."""

NETWORK = "lite0"

TRUNKS = ("small", "lite0")
"""What `train augnet` trains: a residual network from random weights, or EfficientNet-Lite0 from its ImageNet ones."""

TRUNK = "small"

AUGNET_LOSSES = ("cross-entropy", "margin")
"""Both as published: telling by distances whose view one is; or how much nearer it is to its own picture's centre."""

AUGNET_LOSS = "cross-entropy"

MODEL = "mine"
"""Name of a trained model unless told."""

TRAIN_PARTS = "train=.8,val=.2"
"""Of a split made for training."""

CODE = "14x14x64"
"""Of `train autoencoder`: a grid of cells with so many numbers each."""

AUTOENCODER_PARTS = "train=.85,val=.15"
"""As published."""

RANKS = (1, 5, 10)
"""Where `evaluate` cuts rankings."""

PROBLEM_KINDS = (
    "unreadable", "mislabelled", "blurred", "dark", "bright", "low-information", "odd-aspect", "too-small", "outlier",
    "grey-in-colour",
)  # fmt: skip
"""What `problems` looks for."""

PROBLEM_THRESHOLDS = {
    "mislabelled": 0.01,
    "blurred": 3.0,
    "dark": 0.4,
    "bright": 0.5,
    "low-information": 0.6,
    "odd-aspect": 3.0,
    "too-small": 64.0,
    "outlier": 3.5,
}
"""From where on a picture has a problem: units, and why these values, are in docs/how-to/find-problem-pictures.md."""

OUTLIER_NEIGHBOURS = 10
"""Nearest pictures by whose mean distance outliers are told."""

ACTS = ("quarantine", "trash", "move", "hardlink", "reflink", "symlink", "list-only")
"""What `plan` can put down to be done with a copy."""

ACT = "quarantine"

PLAN_LEVEL = "same-pixels"
"""Weakest verdict that `plan` acts on unless told: what is proven by bytes or by every sample."""

OLDER_THAN = 30.0
"""Days after which `quarantine --empty` deletes."""
