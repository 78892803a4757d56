"""Vectorise files by the package imgsim: python imgsim_peer.py LISTING COUNT.

It asks torchvision for one thing, an untrained ResNet-50. Where torchvision is not installed that network is given to
it by the name it asks for; the package's own code and weights do all else.
"""

from __future__ import annotations

import sys
import types
import warnings
from importlib.util import find_spec
from typing import Any

import torch
from told import files_of, tell, timed
from torch import nn


class Bottleneck(nn.Module):
    """Three convolutions and a way past them (He et al., arXiv 1512.03385)."""

    def __init__(self, ins: int, width: int, stride: int) -> None:
        super().__init__()
        outs = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(ins, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outs, 1, bias=False), nn.BatchNorm2d(outs)
        self.relu = nn.ReLU(inplace=True)
        past = (nn.Conv2d(ins, outs, 1, stride, bias=False), nn.BatchNorm2d(outs))
        self.downsample = nn.Sequential(*past) if stride > 1 or ins != outs else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        past = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        summed: torch.Tensor = self.relu(self.bn3(self.conv3(x)) + past)
        return summed


def _layer(blocks: int, ins: int, width: int, stride: int) -> nn.Sequential:
    first, later = Bottleneck(ins, width, stride), (Bottleneck(4 * width, width, 1) for _ in range(blocks - 1))
    return nn.Sequential(first, *later)


class ResNet50(nn.Module):
    """ResNet-50 with the names that its published weights have."""

    def __init__(self, **_: Any) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2 = _layer(3, 64, 64, 1), _layer(4, 256, 128, 2)
        self.layer3, self.layer4 = _layer(6, 512, 256, 2), _layer(3, 1024, 512, 2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(2048, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        classes: torch.Tensor = self.fc(self.avgpool(x).flatten(1))
        return classes


def main() -> None:
    if find_spec("torchvision") is None:
        models = types.ModuleType("torchvision.models")
        models.resnet50 = ResNet50  # type: ignore[attr-defined]
        torchvision = types.ModuleType("torchvision")
        torchvision.models = models  # type: ignore[attr-defined]
        sys.modules |= {"torchvision": torchvision, "torchvision.models": models}
    warnings.simplefilter("ignore")
    import cv2
    import imgsim

    paths = files_of(sys.argv[1])[: int(sys.argv[2])]
    vectoriser = imgsim.Vectorizer()

    def work() -> None:
        for path in paths:  # as its page shows
            vectoriser.vectorize(cv2.imread(path))

    vectoriser.vectorize(cv2.imread(paths[0]))
    tell(timed(work), done=len(paths))


if __name__ == "__main__":
    main()
