"""What a report is given besides figures: drawings of stored nets, and what each variant sets."""

from xml.etree import ElementTree

from rdslab.identity import resolve
from rdslab.network import load_net
from rdslab.search.ledger import Ledger
from rdslab.search.pictures import draw_nets
from rdslab.search.plan import study_from
from rdslab.search.results import gather
from rdslab.yamlio import Source

STUDY = {"name": "pictures", "base": "enet", "deploy": {"size": "128x64", "classes": 5, "devices": ["jetson-tx1"]}}


def test_stored_nets_are_drawn_and_what_cannot_be_built_is_not(tmp_path):
    study = study_from(Source("pictures.yaml", dict(STUDY)))
    ledger = Ledger(f"sqlite:///{tmp_path / 'study.db'}", study.name)
    net = load_net("enet")
    known = resolve(net).id
    ledger.put_net(known, "c", net.document())
    broken = {**net.document(), "blocks": [str(tmp_path / "gone.py")]}
    ledger.put_net("broken", "c", broken)
    drawings = draw_nets(study, ledger, [known, "broken", "never stored", known])
    assert list(drawings) == [known]
    root = ElementTree.fromstring(drawings[known])
    words = " ".join(root.itertext())
    assert all(node.id in words for node in net.nodes)
    assert "128x64, 5 classes" in words


def test_a_report_is_told_what_each_variant_sets_and_not_what_all_do(tmp_path):
    variants = [{"name": "plain"}, {"name": "wide", "set": {"width": 2.0}}, {"name": "other", "net": "erfnet"}]
    study = study_from(Source("genes.yaml", {**STUDY, "set": {"enc*.options.dropout": 0.0}, "variants": variants}))
    ledger = Ledger(f"sqlite:///{tmp_path / 'study.db'}", study.name)
    ledger.begin(study.fixed())
    ledger.put_net("n", "c", load_net("enet").document())
    ledger.enter_slots(study.slots, dict.fromkeys(("plain", "wide", "other"), "n"))
    assert gather(study, ledger)["study"]["genes"] == {"plain": {}, "wide": {"width": 2.0}, "other": {"net": "erfnet"}}
