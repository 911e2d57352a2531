"""Three counters, one answer: fvcore and torch's FlopCounterMode hold our MACs to the last one."""

import json

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdslab.blocks import BLOCKS
from rdslab.cost import audit, counter, operators
from rdslab.cost.audit import Audit
from rdslab.cost.auditors import fvcore_count
from rdslab.errors import RunError
from rdslab.network import build, load_net, zoo_names
from rdslab.records import Size
from rdslab.spec import Net, Node
from tests.zoo_figures import run_in_test

TOY_SIZE = Size(64, 48)


def by_kind(audited: Audit) -> dict[str, tuple[int, int, int]]:
    return {row.kind: (row.macs, row.fvcore_macs, row.torch_macs) for row in audited.rows}


def differences(audited: Audit) -> dict[str, tuple[int, int]]:
    return {d.operator: (d.amount, d.calls) for d in audited.differences}


@pytest.mark.parametrize("size", [Size(64, 64), pytest.param(Size(97, 75), marks=pytest.mark.long)], ids=str)
@pytest.mark.parametrize("name", run_in_test(zoo_names()))
def test_three_counters_agree_on_every_net_of_the_zoo_and_every_operator_is_explained(name: str, size: Size) -> None:
    audited = audit(load_net(name), size, 19)
    assert audited.agrees
    assert audited.verdict.endswith("agree to the last MAC")
    assert audited.cost.activations == audited.fvcore_activations
    operators = {kernel.op.removeprefix("aten.") for kernel in audited.cost.kernels if not kernel.macs}
    assert operators <= {difference.operator for difference in audited.differences}


@pytest.mark.long
@pytest.mark.parametrize("name", zoo_names())
def test_three_counters_agree_on_every_net_of_the_zoo_at_the_papers_size(name: str) -> None:
    assert audit(load_net(name), Size(1024, 512), 19).agrees


def test_fvcores_total_of_rdsnet_is_the_one_that_the_paper_facts_give() -> None:
    audited = audit(load_net("rdsnet"), Size(1024, 512), 19)
    assert audited.fvcore_total == 10_754_064_384 == audited.cost.macs + 60_817_408 + 39_845_888
    found = differences(audited)
    assert (found["batch_norm"], found["upsample_bilinear2d"]) == ((60_817_408, 19), (39_845_888, 1))


def test_all_that_fvcore_adds_is_listed_and_explains_its_total() -> None:
    audited = audit(load_net("rdsnet"), TOY_SIZE, 19)
    added = {d.operator: d for d in audited.differences if d.amount}
    assert set(added) == {"batch_norm", "upsample_bilinear2d"}
    assert audited.fvcore_total == audited.cost.macs + sum(d.amount for d in added.values())
    assert added["batch_norm"].amount == 2 * added["batch_norm"].elements
    assert added["upsample_bilinear2d"].amount == 4 * added["upsample_bilinear2d"].elements


def test_all_that_fvcore_misses_is_listed_by_name_with_its_calls() -> None:
    audited = audit(load_net("rdsnet"), TOY_SIZE, 19)
    unknown = {d.operator: d.calls for d in audited.differences if d.why.startswith("does not know it")}
    silent = {d.operator: d.calls for d in audited.differences if d.why.startswith("leaves it out")}
    assert unknown == {"add": 8, "channel_shuffle": 8, "max_pool2d": 3}
    assert silent == {"cat": 3, "relu": 19}


def test_rows_hold_every_kernel_once() -> None:
    audited = audit(load_net("rdsnet"), TOY_SIZE, 19)
    assert sum(row.kernels for row in audited.rows) == len(audited.cost.kernels)
    assert sum(row.macs for row in audited.rows) == audited.cost.macs
    assert sum(row.bytes for row in audited.rows) == audited.cost.bytes
    assert sum(row.fvcore_macs for row in audited.rows) == audited.fvcore_total


def test_the_audit_is_plain_data() -> None:
    document = json.loads(json.dumps(audit(load_net("rdsnet"), TOY_SIZE, 19).document()))
    assert document["agrees"] is True
    assert [(row["kernels"], row["macs"]) for row in document["rows"] if row["kind"] == "cat"] == [(3, 0)]
    assert {"counter", "operator", "amount", "calls", "elements", "why"} == set(document["differences"][0])


@pytest.fixture
def toy_blocks():
    """A depthwise unit with PReLU and SiLU, and a transposed convolution: what common counters stumble over."""

    @BLOCKS.register("toy_unit")
    class ToyUnit(nn.Module):
        """3x3 depthwise, PReLU, 1x1, SiLU: for tests."""

        def __init__(self, in_channels: int, out_channels: int, *, dilation: int = 1) -> None:
            super().__init__()
            self.depthwise = nn.Conv2d(in_channels, in_channels, 3, 1, dilation, dilation, in_channels, bias=False)
            self.act = nn.PReLU(in_channels)
            self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return F.silu(self.pointwise(self.act(self.depthwise(x))))

    @BLOCKS.register("toy_deconv")
    class ToyDeconv(nn.ConvTranspose2d):
        """3x3 transposed convolution that doubles the size: for tests."""

        def __init__(self, in_channels: int, out_channels: int, *, up: int = 2) -> None:
            super().__init__(in_channels, out_channels, 3, up, 1, output_padding=up - 1)

    yield
    BLOCKS.remove("toy_unit")
    BLOCKS.remove("toy_deconv")


def toy_net() -> Net:
    units = [Node(f"unit{d}", "toy_unit", (above,), 16, options={"dilation": d}) for d, above in TOY_UNITS]
    return Net(
        "toy",
        (
            Node("stem", "conv", ("image",), 16, stride=2),
            *units,
            Node("pool", "max_pool", ("unit4",), 16),
            Node("mix", "conv", ("pool",), 24, options={"kernel": 1}),
            Node("grow", "toy_deconv", ("mix",), "classes", up=2),
            Node("up", "bilinear_up", ("grow",), "classes", up=2),
        ),
    )


TOY_UNITS = [(1, "stem"), (2, "unit1"), (4, "unit2")]


@pytest.mark.usefixtures("toy_blocks")
def test_the_toy_net_is_exact_by_hand_where_common_counters_stumble() -> None:
    classes = 5
    half, quarter = (64 // 2) * (48 // 2), (64 // 4) * (48 // 4)
    audited = audit(toy_net(), TOY_SIZE, classes)
    conv = 9 * 3 * 16 * half + 3 * 16 * 16 * half + 16 * 24 * quarter  # stem, three 1x1 of the units, mix
    dwconv, deconv = 3 * 9 * 16 * half, 9 * 24 * classes * quarter
    found = by_kind(audited)
    assert {k: found[k] for k in ("conv", "dwconv", "deconv")} == {
        "conv": (conv,) * 3,
        "dwconv": (dwconv,) * 3,
        "deconv": (deconv,) * 3,
    }
    assert audited.agrees
    assert audited.cost.macs == conv + dwconv + deconv
    named = differences(audited)
    assert (named["prelu"], named["silu"], named["max_pool2d_with_indices"]) == ((0, 3), (0, 3), (0, 1))


@pytest.mark.usefixtures("toy_blocks")
@pytest.mark.filterwarnings(
    r"ignore:`torch\.jit\.\w+` is (deprecated|not supported):DeprecationWarning"
)  # fvcore's own
def test_fvcores_own_total_of_the_toy_net_is_four_per_cent_off_by_its_bilinear() -> None:
    from fvcore.nn import FlopCountAnalysis

    audited = audit(toy_net(), TOY_SIZE, 5)
    analysis = FlopCountAnalysis(build(toy_net(), 5).eval(), torch.zeros(1, 3, 48, 64))
    own = analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()
    assert audited.cost.macs == 1_534_464  # by hand: 995,328 conv, 331,776 dwconv, 207,360 deconv
    assert own == audited.fvcore_total == 1_534_464 + 4 * 5 * 64 * 48
    assert audited.fvcore_off_percent == pytest.approx(100 * 61_440 / 1_534_464)  # 4.004 %
    assert differences(audited)["upsample_bilinear2d"] == (61_440, 1)


@pytest.fixture
def same_padding():
    @BLOCKS.register("same_padding")
    class SamePadding(nn.Conv2d):
        """3x3 padded by the word "same", which fvcore does not know: for tests."""

        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__(in_channels, out_channels, 3, padding="same")

    yield
    BLOCKS.remove("same_padding")


@pytest.mark.usefixtures("same_padding")
def test_a_counter_that_disagrees_is_named_with_the_amount() -> None:
    audited = audit(Net("same", (Node("head", "same_padding", ("image",), "classes"),)), TOY_SIZE, 5)
    macs = 9 * 3 * 5 * 64 * 48
    assert not audited.agrees
    assert audited.verdict == "the counters do not agree on the MACs of kind conv of same at 64x48"
    assert by_kind(audited) == {"conv": (macs, 0, macs)}
    (wrong,) = [d for d in audited.differences if d.amount]
    assert (wrong.counter, wrong.operator, wrong.amount) == ("fvcore", "conv", -macs)


def test_a_mistake_of_our_counter_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter, "_MEMO", {})
    monkeypatch.setitem(operators.COUNTED, "aten.conv2d", lambda args, out: {**operators.conv(args, out), "macs": 1})
    audited = audit(load_net("rdsnet"), TOY_SIZE, 19)
    assert audited.verdict == "the counters do not agree on the MACs of kind conv, dwconv of rdsnet at 64x48"
    assert {d.counter for d in audited.differences if d.operator == "dwconv"} == {"fvcore", "torch"}


def test_a_failing_fvcore_is_said_in_words() -> None:
    with pytest.raises(RunError, match="fvcore cannot trace this net: RuntimeError: ") as error:
        fvcore_count(nn.Conv2d(4, 4, 3), torch.zeros(1, 3, 8, 8))
    assert error.value.hints == ("its cost without the audit does not need fvcore",)
