"""A net of ours, the same one as somebody else wrote it, and checkpoints of it."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rdslab.netfile import net_from_document
from rdslab.network import Network, build

NODES: list[dict[str, Any]] = [
    {"id": "stem", "block": "conv_norm_act", "channels": 8, "stride": 2},
    {"id": "aux", "block": "conv", "channels": "classes", "options": {"kernel": 1}, "training": True},
    {"id": "aux_up", "block": "bilinear_up", "like": "image", "training": True},
    {"id": "enc", "block": "conv_norm_act", "channels": 8, "repeat": 2, "inputs": ["stem"]},
    {"id": "head", "block": "conv", "channels": "classes", "options": {"kernel": 1}},
    {"id": "up", "block": "bilinear_up", "like": "image"},
]


class Original(nn.Module):
    """The same net as somebody else wrote it: other names, and the first layers made last where `late`."""

    def __init__(self, classes: int = 19, late: bool = False) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        if not late:
            self.stem = stem
        units = [nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()) for _ in range(2)]
        self.features = nn.Sequential(*units)
        if late:
            self.stem = stem
        self.classifier = nn.Conv2d(8, classes, 1)
        self.aux = nn.Conv2d(8, classes, 1)
        for norm in (module for module in self.modules() if isinstance(module, nn.BatchNorm2d)):
            norm.running_mean.data.normal_()  # type: ignore[union-attr, operator]
            norm.running_var.data.uniform_(0.5, 2)  # type: ignore[union-attr, operator]

    def forward(self, image: Tensor) -> Tensor:
        scores = self.classifier(self.features(self.stem(image)))
        return nn.functional.interpolate(scores, image.shape[2:], mode="bilinear", align_corners=False)


def toy(classes: int = 19, seed: int = 0, heads: bool = True) -> Network:
    nodes = [node for node in NODES if heads or "training" not in node]
    return build(net_from_document({"name": "toy", "nodes": nodes}), classes, seed).eval()


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path
