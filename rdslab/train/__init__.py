"""Training: recipes, the loop, the loss, the score, weights files, and what trained weights see."""

from rdslab.train.checkpoint import CHECKPOINT
from rdslab.train.loop import train
from rdslab.train.losses import class_weights, weighted_cross_entropy
from rdslab.train.metrics import confusion, score_of
from rdslab.train.recipe import ClassWeights, Recipe, load_recipe, recipe_names
from rdslab.train.trained import evaluate, predict
from rdslab.train.weights import WEIGHTS, load_weights, save_weights

__all__ = [
    "CHECKPOINT",
    "WEIGHTS",
    "ClassWeights",
    "Recipe",
    "class_weights",
    "confusion",
    "evaluate",
    "load_recipe",
    "load_weights",
    "predict",
    "recipe_names",
    "save_weights",
    "score_of",
    "train",
    "weighted_cross_entropy",
]
