"""A made-up study for the tests of the report: figures as the ledger stores them, from a seed, no network trained."""

import random
from typing import Any

from rdslab.report.frame import Results

CLASSES = (
    "Sky",
    "Building",
    "Pole",
    "Road",
    "Pavement",
    "Tree",
    "SignSymbol",
    "Fence",
    "Car",
    "Pedestrian",
    "Bicyclist",
)
NOTE = "disputed: the source's prose says TX2, its table says TX1"


def score(miou: float, rng: random.Random, epochs: int = 12) -> dict[str, Any]:
    iou = {
        name: min(0.99, max(0.02, miou + 0.3 * (0.5 - i / 10) + rng.gauss(0, 0.01))) for i, name in enumerate(CLASSES)
    }
    history = [
        {
            "epoch": e,
            "loss": 2.0 / e,
            "lr": 5e-4,
            "miou": miou * (1 - 0.8 / (e + 1)) + rng.gauss(0, 0.006),
            "seconds": 6.0,
        }
        for e in range(1, epochs)
    ]
    history.append({"epoch": epochs, "loss": 2.0 / epochs, "lr": 5e-4, "miou": miou, "seconds": 6.0})
    shares = {"miou": miou, "accuracy": miou + 0.3, "mean_accuracy": miou + 0.1, "fw_iou": miou + 0.2}
    return {**shares, "iou": iou, "images": 101, "split": "hold out clip 0006R0", "history": history}


def times(device: str, ms: float, *, predicted: bool) -> dict[str, Any]:
    low, high = (0.88 * ms, 1.13 * ms) if predicted else (0.985 * ms, 1.02 * ms)
    return {
        "device": device,
        "predicted": predicted,
        "runs_ms": [] if predicted else [ms, low, high],
        "latency_ms": ms,
        "low_ms": low,
        "high_ms": high,
        "protocol": {"size": "640x360", "classes": 11, "batch": 1, "precision": "fp32", "threads": 1},
        "host": None,
        "notes": [NOTE] if predicted else [],
    }


def trial(slot: int, variant: str, seed: int, miou: float, ms: float, macs: int, rng: random.Random) -> dict[str, Any]:
    ids = {"net_id": f"{abs(hash_of(variant)):016x}", "canonical_id": f"{abs(hash_of(variant.split('+')[0])):016x}"}
    cost = {"name": variant, "size": "640x360", "classes": 11, "params": macs // 5000, "macs": macs}
    cost |= {"activations": macs // 300, "elements": macs // 100, "bytes": macs // 25}
    both = {"jetson-tx1": times("jetson-tx1", ms, predicted=True), "here": times("here", 2.1 * ms, predicted=False)}
    head = {"slot": slot, "variant": variant, "seed": seed, "state": "done", "error": None, "context_id": "c0ffee"}
    return {**head, **ids, "cost": cost, "score": score(miou, rng), "times": both, "hours": 0.02}


def hash_of(text: str) -> int:
    return sum(ord(letter) * 31**i for i, letter in enumerate(text)) % 2**64


def results(
    variants: dict[str, tuple[float, float, int]], seeds: int = 3, spread: float = 0.006, **study: Any
) -> Results:
    """`variants`: name -> (true mIoU, milliseconds on the board, MACs); the first is the base."""
    rng = random.Random(7)
    names = list(variants)
    shared = [rng.gauss(0, spread) for _ in range(seeds)]
    trials = [
        trial(i * seeds + s, name, s, miou + shared[s] + rng.gauss(0, spread), ms, macs, rng)
        for i, (name, (miou, ms, macs)) in enumerate(variants.items())
        for s in range(seeds)
    ]
    document = {
        "name": "made_up",
        "title": "A made-up study",
        "base": names[0],
        "metric": "miou",
        "deploy": {"size": "640x360", "classes": 11, "devices": ["jetson-tx1", "here"]},
        "data": {"name": "camvid", "size": "240x180", "split": "hold out clip 0006R0"},
        "recipe": {"name": "one_cycle", "epochs": 12, "batch": 8, "learning_rate": 2e-3},
        "seeds": list(range(seeds)),
        "variants": names,
        "threads": 1,
    }
    host = {"cpu": "A CPU at 2.0 GHz", "cores": 2, "memory_gb": 8.0, "gpu": "", "system": "Linux 6.1 x86_64"}
    versions = {"python": "3.11.9", "torch": "2.13.0", "rdslab": "0.1.0"}
    return Results({**document, **study}, trials, [{**host, "versions": versions}], versions, "0123456789abcdef")


FIVE = {
    "rds": (0.52, 12.5, 1_100_000_000),
    "residual": (0.534, 22.5, 2_120_000_000),
    "separable": (0.455, 7.1, 240_000_000),
    "rds no dilation": (0.472, 12.4, 1_100_000_000),
    "rds+shuffle 0": (0.521, 12.1, 1_100_000_000),
}
TWO = {name: FIVE[name] for name in ("rds", "residual")}


def sixteen() -> dict[str, tuple[float, float, int]]:
    """The block ablation: many variants within a point and a millisecond of each other."""
    variants = {"rds": (0.520, 12.50, 1_100_000_000)}
    variants |= {f"rds+shuffle {n}": (0.520, 12.3 + 0.05 * n, 1_100_000_000) for n in (0, 2, 8)}
    for i, n in enumerate((2, 4, 8), 1):
        variants[f"groups {n}, no shuffle"] = (0.520 - 0.010 * i, 12.0 - 0.9 * i, 1_100_000_000 * (4 - i) // 4)
        variants[f"groups {n}, shuffle {n}"] = (0.520 - 0.004 * i, 12.1 - 0.88 * i, 1_100_000_000 * (4 - i) // 4)
    variants |= {"residual": (0.531, 22.5, 2_120_000_000), "separable": (0.455, 7.1, 240_000_000)}
    variants |= {"dilation 1": (0.480, 12.4, 1_100_000_000), "dilation 1 2 4": (0.512, 12.5, 1_100_000_000)}
    return variants | {"dropout 0": (0.523, 12.5, 1_100_000_000), "dropout 0.1": (0.522, 12.5, 1_100_000_000)}


def forty() -> dict[str, tuple[float, float, int]]:
    rng = random.Random(3)
    long = "encoder stage {} of rds blocks with groups {} and the dilation schedule 1 2 4 8 16"
    return {
        long.format(i, 2 ** (i % 5)): (0.4 + 0.15 * rng.random(), 5 + 40 * rng.random(), int(1e9 + 3e9 * rng.random()))
        for i in range(40)
    }
