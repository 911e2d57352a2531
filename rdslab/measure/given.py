"""What is to be timed: a net, which is built and folded here, or an ONNX file, which is taken as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from rdslab.errors import DataError, RunError, SpecError, did_you_mean
from rdslab.files import sha256_of
from rdslab.fold import fold
from rdslab.measure.onnxfile import OnnxNetwork
from rdslab.netfile import net_from_document
from rdslab.network import build, check_size
from rdslab.records import Size
from rdslab.spec import Net
from rdslab.times import Times

FORMS = ("eager", "deployed")
# What runs a file, in which precisions: TensorRT casts by itself, ONNX Runtime computes in what the file is in.
RUN_FILES: Mapping[str, tuple[str, ...]] = {
    "onnxruntime": ("fp32",),
    "onnxruntime_tensorrt": ("fp32",),
    "tensorrt": ("fp32", "fp16", "bf16", "int8"),
}


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file: one image of one size in, the scores of `classes` classes out."""

    path: Path
    size: Size
    classes: int
    sha256: str
    metadata: Mapping[str, Any]  # what it says of itself

    @property
    def name(self) -> str:
        return str(self.metadata.get("name") or self.path.stem)

    @property
    def net(self) -> Net:
        """The net that it was made from. Raises DataError where it does not say."""
        if "net" not in self.metadata:
            hint = "give a file that `rdslab export` wrote"
            raise DataError("does not say which net it was made from", hint, where=str(self.path))
        try:
            return net_from_document(self.metadata["net"], where=f"{self.path}: net")
        except SpecError as error:
            raise DataError(error.what, *error.hints, where=error.where or str(self.path)) from None

    @property
    def words(self) -> tuple[str, ...]:
        """What is to be said beside its time: how accurate this very file is, where that was measured."""
        miou, on = self.metadata.get("miou"), self.metadata.get("miou_on") or {}
        if not isinstance(miou, float) or not {"images", "name", "split"} <= set(on):
            return ()
        return (f"this very file has mIoU {100 * miou:.2f} % ({on['images']} images of {on['name']}, {on['split']})",)


Given = Net | OnnxFile


def read_onnx(path: Path) -> OnnxFile:
    """An ONNX file of a segmentation network. Raises DataError for what is none, and for one without a size."""
    network, where = OnnxNetwork(path), str(path)
    if network.size is None or network.scores is None:
        lacks = "size of its image" if network.size is None else "number of its classes"
        raise DataError(f"leaves the {lacks} open", "export it for one size", where=where)
    return OnnxFile(path, network.size, network.scores, sha256_of(path), network.metadata)


def check_given(given: Given, size: Size, classes: int) -> None:
    """Raises SpecError for too small an image, and for a size or classes that are not a file's."""
    if isinstance(given, Net):
        check_size(given, size)
        return
    for what, own, asked in (("an image of", given.size, size), ("classes:", given.classes, classes)):
        if own != asked:
            hint = "leave that option out, or export the net for it"
            raise SpecError(f"takes {what} {own}, and {asked} is asked for", hint, where=str(given.path))


def check_way(given: Given, backend: str, precision: str, form: str) -> None:
    """Raises SpecError for a form that there is not, and for a file in what does not run files as they stand."""
    if form not in FORMS:
        raise SpecError(f"expected a form of {', '.join(FORMS)}, got {form!r}", did_you_mean(form, FORMS))
    if isinstance(given, Net):
        return
    where = str(given.path)
    if form != "deployed":
        raise SpecError(f"a file is in the form it is in, and {form} is asked for", "leave --form out", where=where)
    if backend not in RUN_FILES:
        raise SpecError(f"a file runs in {', '.join(RUN_FILES)}, not in {backend}", where=where)
    if precision not in RUN_FILES[backend]:
        raise SpecError(
            f"{backend} runs a file in {', '.join(RUN_FILES[backend])}, got {precision}",
            f"{precision} is there with tensorrt",
            where=where,
        )


def network_of(given: Given, classes: int, form: str) -> nn.Module:
    """The network to be timed, for inference. A net's weights are drawn from seed 0: the same net, the same file.

    Raises RunError where it cannot be built.
    """
    if isinstance(given, OnnxFile):
        if sha256_of(given.path) != given.sha256:
            raise RunError("was changed since it was read", where=str(given.path))
        return OnnxNetwork(given.path)
    network = build(given.inference(), classes).eval()
    return fold(network).network if form == "deployed" else network


def with_file(found: Times | RunError, given: Given) -> Times | RunError:
    """The time of a file with the file's hash in its certificate, and what the file says of its accuracy."""
    if isinstance(found, RunError) or isinstance(given, Net):
        return found
    certificate = found.certificate or {}
    engine = {**certificate.get("engine", {}), "file_sha256": given.sha256}
    return replace(found, notes=(*found.notes, *given.words), certificate={**certificate, "engine": engine})
