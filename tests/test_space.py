"""Spaces: their genes, which of them act, the nets that they draw, and what is said of a wrong file."""

import random
from pathlib import Path

import pytest

from rdslab.cost import count
from rdslab.errors import SpecError
from rdslab.network import ids, load_net
from rdslab.records import Size
from rdslab.space import Distribution, Space, check_space, load_space, space_from
from rdslab.yamlio import parse_yaml

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = sorted((ROOT / "search_spaces").glob("*.yaml"))
HEAD = "name: t\nbase: rdsnet\nset: {width: 0.25, 'enc*.options.dropout': 0.0}\ngenes:\n"


def space(*genes: str, more: str = "") -> Space:
    return space_from(parse_yaml(HEAD + "".join(f"  {gene}\n" for gene in genes) + more, "s.yaml"))


def said(*genes: str, more: str = "") -> str:
    with pytest.raises(SpecError) as caught:
        space(*genes, more=more)
    return str(caught.value)


UNIT = "enc3.block: {choice: [rds, residual]}"
GROUPS = "enc3.options.groups: {choice: [1, 2, 4]}"
SHUFFLE = "enc3.options.shuffle: {choice: [0, 2, 4], when: {enc3.options.groups: [2, 4]}}"


def test_the_size_is_the_product_of_the_choices_and_every_genotype_is_listed_once() -> None:
    found = space(UNIT, GROUPS, "enc3.repeat: {whole: [2, 8], step: 3}")
    assert found.size == 2 * 3 * 3
    assert len(set(found.genotypes())) == found.size
    assert found.genes[2].choices == (2, 5, 8)


def test_a_gene_sets_its_place_and_a_glob_all_of_its_nodes() -> None:
    found = space(
        "enc*.repeat: {choice: [1, 3]}", "enc3.cycle.dilation: {choice: [[1], [2, 4]]}", "width: {choice: [0.5, 1.0]}"
    )
    net = found.draw((1, 1, 1))
    assert (net["enc2"].repeat, net["enc3"].repeat, net["enc3"].cycle["dilation"], net.width) == (3, 3, [2, 4], 1.0)
    same = load_net("rdsnet").with_value("enc*.options.dropout", 0.0).with_value("enc*.repeat", 3)
    assert ids(net)[0] == ids(same.with_value("enc3.cycle.dilation", [2, 4]))[0]


def test_tied_places_change_together() -> None:
    found = space("wide: {tied: {down3.channels: [128, 160], enc3.channels: [128, 160]}}")
    assert found.size == 2
    net = found.draw((1,))
    assert (net["down3"].channels, net["enc3"].channels) == (160, 160)
    assert found.genes[0].choices == (128, 160)


def test_a_mapping_sets_a_block_with_options_and_leaves_no_place_for_their_gene() -> None:
    found = space("enc3.block: {choice: [rds, {block: rds, options: {groups: 4}}]}", GROUPS)
    assert found.draw((1, 1))["enc3"].options["groups"] == 4
    assert found.canonical((1, 1)) == (1, 0)
    assert found.canonical((0, 1)) == (0, 1)
    assert found.genes[0].label(1) == "rds {groups: 4}"


def test_a_gene_whose_option_the_drawn_block_lacks_does_not_act() -> None:
    found = space(UNIT, GROUPS, SHUFFLE)
    assert found.active((0, 1, 2)) == (True, True, True)
    assert found.active((1, 1, 2)) == (True, False, False)
    assert found.canonical((1, 1, 2)) == found.canonical((1, 0, 1)) == (1, 0, 0)
    assert found.canonical_id((1, 1, 2)) == found.canonical_id((1, 0, 0))


def test_a_gene_whose_condition_fails_does_not_act() -> None:
    found = space(GROUPS, SHUFFLE)
    assert found.canonical((0, 2)) == (0, 0)
    assert found.canonical((1, 2)) == (1, 2)
    assert found.draw((0, 2))["enc3"].options["shuffle"] == 4  # the base's, as it was written


def test_distinct_canonical_genotypes_are_as_many_as_counted_by_hand() -> None:
    found = space(UNIT, GROUPS, SHUFFLE)
    # residual: 1; rds with one group: 1; with two and four groups three shuffles each
    assert len({found.canonical(genotype) for genotype in found.genotypes()}) == 1 + 1 + 2 * 3


def test_a_shuffle_beside_a_dense_convolution_has_two_genotypes_and_one_canonical_id() -> None:
    found = space("enc3.options.shuffle: {choice: [0, 4]}")
    assert found.canonical((0,)) != found.canonical((1,))
    assert found.canonical_id((0,)) == found.canonical_id((1,))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_equal_canonical_genotypes_are_the_same_net(path: Path) -> None:
    found, rng = load_space(path), random.Random(1)
    for _ in range(12):
        genotype = found.drawn(rng)
        assert ids(found.draw(genotype)) == ids(found.draw(found.canonical(genotype)))


def test_a_condition_may_name_a_mapping_by_its_block_and_a_tied_gene_by_its_first_place() -> None:
    found = space(
        "enc3.block: {choice: [residual, {block: rds, options: {dilate: both}}]}",
        "wide: {tied: {down3.channels: [128, 160], enc3.channels: [128, 160]}}",
        "enc3.options.groups: {choice: [1, 2], when: {enc3.block: [rds], wide: [160]}}",
    )
    assert [found.active(g)[2] for g in [(0, 1, 1), (1, 0, 1), (1, 1, 1)]] == [False, False, True]


def test_distributions_say_how_many_choices_and_whether_they_are_numbers_in_order() -> None:
    found = space(UNIT, GROUPS, "enc2.repeat: {choice: [3, 1]}").distributions()
    assert found["enc3.options.groups"] == Distribution(3, (1, 2, 4))
    assert found["enc3.block"] == Distribution(2, None)
    assert found["enc2.repeat"].numbers is None


def test_a_drawn_net_costs_what_the_same_net_costs_when_set_by_hand() -> None:
    found = space(UNIT, "enc3.repeat: {whole: [2, 4]}")
    by_hand = found.base.with_value("enc3.block", "residual").with_value("enc3.repeat", 4)
    assert count(found.draw((1, 2)), Size(64, 64), 5).macs == count(by_hand, Size(64, 64), 5).macs


@pytest.mark.parametrize(
    ("genes", "words"),
    [
        (["encc.block: {choice: [rds, residual]}"], "s.yaml:5: genes.encc.block: encc.block: names no node"),
        (["enc3.blok: {choice: [rds, residual]}"], "enc3.blok: a node has no 'blok'"),
        (["enc3.block: {choice: [rds, residul]}"], "did you mean 'residual'?"),
        (["enc3.block: {choice: [rds]}"], "needs at least 2 of them, got 1"),
        (["enc3.block: {chioce: [rds, residual]}"], "did you mean 'choice'?"),
        (["enc3.block: {}"], "a gene takes one of choice, whole, tied; 'enc3.block' has none"),
        (["enc3.repeat: {choice: [1, 2], whole: [1, 2]}"], "'enc3.repeat' has choice and whole"),
        (["enc3.repeat: {choice: [1, 2], step: 2}"], "genes.enc3.repeat.step: acts only with whole"),
        (["enc3.repeat: {whole: [5, 2]}"], "expected [LOW, HIGH] with LOW below HIGH, got [5, 2]"),
        (["enc3.repeat: {whole: [2, 7], step: 2}"], "steps of 2 from 2 do not meet 7\n  write [2, 6] or [2, 8]"),
        (["enc3.repeat: {whole: [1, 5000]}"], "has more than 1,024 choices"),
        (["enc3.repeat: {choice: [1, deep]}"], "expected a whole number from 1 to 65536, got 'deep'"),
        (["enc3.repeat: {choice: [2, 3, 2]}"], "choice 2 stands twice"),
        (["enc3.options.grups: {choice: [1, 2]}"], "'enc3' may have takes an option 'grups'\n  it may have: rds"),
        (["enc3.options.dilation: {choice: [1, 2]}"], "set enc3.cycle.dilation"),
        (
            ["w: {tied: {down3.channels: [128, 160], enc3.channels: [128, 160, 192]}}"],
            "genes.w.tied: tied places need as many values each: down3.channels has 2, enc3.channels has 3",
        ),
        ([UNIT, "enc*.block: {choice: [rds, residual]}"], "genes 'enc3.block' and 'enc*.block' both set enc3.block"),
        (["enc3.repeat: {choice: [1, 2], when: {enc3.blok: [rds]}}", UNIT], "did you mean 'enc3.block'?"),
        (["enc3.repeat: {choice: [1, 2], when: {enc3.block: [conv]}}", UNIT], "has no choice 'conv'\n  it has: rds"),
        (
            [
                "enc3.repeat: {choice: [1, 2], when: {enc2.repeat: [1]}}",
                "enc2.repeat: {choice: [1, 2], when: {enc3.repeat: [1]}}",
            ],
            "whether it acts depends on itself\n  the circle: enc3.repeat -> enc2.repeat -> enc3.repeat",
        ),
    ],
)
def test_a_wrong_gene_gets_one_message_with_its_line(genes: list[str], words: str) -> None:
    message = said(*genes)
    assert words in message
    assert message.startswith("s.yaml:")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("limits: {macss: 3}\n", "limits.macss: no figure is called 'macss'"),
        ("limits: {latency_ms.jetson-tx2: 3}\n", "a device stands under deploy.devices"),
        ("limits: {macs: -1}\n", "must be > 0.0, got -1"),
        ("limits: {macs: {}}\n", "sets no limit"),
        ("limits: {macs: {at_least: 5, at_most: 3}}\n", "leaves nothing: macs at least 5, at most 3"),
        ("deploy: {devices: [jetson-tx]}\n", "did you mean 'jetson-tx1'?"),
        ("deploy: {size: wide}\n", "deploy.size: expected a size as width x height, got 'wide'"),
    ],
)
def test_a_wrong_limit_or_deployment_gets_one_message_with_its_line(more: str, words: str) -> None:
    assert words in said(UNIT, more=more)


def test_check_builds_every_choice_and_names_one_that_never_is() -> None:
    assert check_space(space(UNIT, GROUPS)) == []
    with pytest.raises(
        SpecError, match="choice 3 is built neither on the base nor in 200 nets drawn with it"
    ) as caught:
        check_space(space("enc3.options.groups: {choice: [1, 3]}"))
    assert "groups (=3) must divide the channels (=32)" in caught.value.hints[0]


def test_check_tells_a_choice_that_needs_another_beside_it() -> None:
    (note,) = check_space(
        space(
            "w: {tied: {down3.channels: [128, 192], enc3.channels: [128, 192]}}",
            "enc3.options.groups: {choice: [1, 3]}",
        )
    )
    assert note.startswith("enc3.options.groups 3 is not built on the base, but beside other choices: ")


def test_every_shipped_space_says_on_top_what_it_varies_and_can_be_built() -> None:
    assert [path.stem for path in SHIPPED] == ["rds", "rds_small", "skeletons_erfnet", "skeletons_linknet"]
    for path in SHIPPED:
        assert path.read_text().startswith("# ")
        found = load_space(path)
        assert found.name == path.stem
        assert check_space(found) == []
    assert load_space(ROOT / "search_spaces" / "rds_small.yaml").size == 12_960 < 20_000
