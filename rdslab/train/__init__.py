"""Training: recipes, the loop, the loss, the score, weights in and out, and what trained weights see."""

from rdslab.train.checkpoint import CHECKPOINT
from rdslab.train.counts import read_counts
from rdslab.train.limits import check_batch
from rdslab.train.loop import train
from rdslab.train.losses import class_weights, weighted_cross_entropy
from rdslab.train.metrics import confusion, score_of
from rdslab.train.pairing import weights_in_order
from rdslab.train.recipe import ClassWeights, Recipe, load_recipe, recipe_names
from rdslab.train.trained import Trained, evaluate, judge_of, open_trained, predict
from rdslab.train.transfer import Loaded, Start, load_weights
from rdslab.train.weights import WEIGHTS, describe_input, load_trained, save_loaded, save_weights

__all__ = [
    "CHECKPOINT",
    "WEIGHTS",
    "ClassWeights",
    "Loaded",
    "Recipe",
    "Start",
    "Trained",
    "check_batch",
    "class_weights",
    "confusion",
    "describe_input",
    "evaluate",
    "judge_of",
    "load_recipe",
    "load_trained",
    "load_weights",
    "open_trained",
    "predict",
    "read_counts",
    "recipe_names",
    "save_loaded",
    "save_weights",
    "score_of",
    "train",
    "weighted_cross_entropy",
    "weights_in_order",
]
