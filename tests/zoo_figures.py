"""What is known of the networks of the zoo from their own implementations, and which of them are large."""

import pytest

from rdslab.network import zoo_names

# The figures of the networks' own implementations: inference form, 19 classes, 1024x512.
PARAMS_AND_MACS = {
    "bisenetv2": (3_358_627, 24_603_312_128),
    "cgnet": (496_306, 6_762_312_704),
    "contextnet": (876_563, 1_681_264_288),
    "dabnet": (756_643, 10_220_380_160),
    "ddrnet23_slim": (5_695_987, 9_070_379_008),
    "deeplabv3_r50": (39_762_131, 341_314_109_440),
    "edanet": (689_485, 8_832_892_928),
    "enet": (364_311, 3_922_067_456),
    "erfnet": (2_064_191, 26_604_339_200),
    "espnet": (363_462, 4_670_283_776),
    "espnet_c": (349_193, 3_468_058_624),
    "espnetv2": (1_252_058, 5_654_136_832),
    "fast_scnn": (1_138_051, 1_676_903_264),
    "fcn8s": (134_456_985, 334_782_018_192),
    "icnet": (6_699_987, 7_257_194_496),
    "lednet": (917_387, 11_199_245_056),
    "linknet": (11_535_699, 21_751_660_544),
    "pidnet_s": (7_625_715, 11_798_593_536),
    "pspnet50": (46_715_347, 368_249_405_440),
    "rdsnet": (927_906, 10_653_401_088),
    "rdsnet_code": (928_031, 10_653_401_088),
    "segnet": (29_453_971, 325_545_099_264),
    "sqnet": (16_262_771, 143_877_210_112),
}
# At other sizes, where an implementation takes them.
MACS_ELSEWHERE = [
    ("segnet", "640x360", 143_344_926_720),
    ("segnet", "480x360", 107_508_695_040),
    ("icnet", "2049x1025", 29_811_584_064),
    ("icnet", "1025x513", 7_651_933_248),
    ("pspnet50", "1025x513", 376_560_463_040),
]
# With other numbers of classes: 20 and 11.
PARAMS_ELSEWHERE = {
    "ddrnet23_slim": (5_696_052, 5_695_467),
    "pidnet_s": (7_625_844, 7_624_683),
    "fast_scnn": (1_138_180, 1_137_019),
    "bisenetv2": (3_359_652, 3_350_427),
    "cgnet": (496_562, 494_258),
    "dabnet": (756_902, 754_571),
    "edanet": (689_936, 685_877),
    "lednet": (917_649, 915_291),
    "contextnet": (876_692, 875_531),
}
# With the heads that only training has.
PARAMS_IN_TRAINING = {
    "enet": 366_762,
    "erfnet": 2_066_642,
    "icnet": 6_707_321,
    "pspnet50": 49_080_038,
    "deeplabv3_r50": 42_126_822,
    "ddrnet23_slim": 5_734_342,
    "pidnet_s": 7_720_935,
    "fast_scnn": 1_157_174,
    "bisenetv2": 5_231_487,
    "contextnet": 914_118,
}
LARGE = 10_000_000  # parameters: run and trained once, or in the long run only
SMALL = [name for name in zoo_names() if PARAMS_AND_MACS.get(name, (0, 0))[0] <= LARGE]


def run_in_test(names: list[str]) -> list[object]:
    """The names as parameters; those of large nets are for the long run."""
    return [name if name in SMALL else pytest.param(name, marks=pytest.mark.long) for name in names]
