"""Drawings of a study's nets for its report, from the nets as they were stored."""

from collections.abc import Iterable

from rdslab.cost import count
from rdslab.drawing.svg import svg
from rdslab.errors import RdslabError
from rdslab.netfile import net_from_document
from rdslab.search.ledger import Ledger
from rdslab.search.plan import Study


def draw_nets(study: Study, ledger: Ledger, net_ids: Iterable[str]) -> dict[str, str]:
    """SVG by net id, at the deployment size. A net that cannot be built here, for want of its blocks, has none."""
    stored, drawings = ledger.stored_nets(), {}
    for net_id in dict.fromkeys(net_ids):
        try:
            net = net_from_document(stored[net_id]["document"], f"net {net_id}")
            drawings[net_id] = svg(net, count(net, study.size, study.document.deploy.classes))
        except (RdslabError, KeyError):
            continue
    return drawings
