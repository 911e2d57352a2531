"""Where the figures of a report come from: data, recipe, seeds, machines and versions, as pairs to print."""

from collections.abc import Iterable, Mapping
from typing import Any

from rdslab.report.frame import Results, kind_of, unique
from rdslab.report.notes import without_roots
from rdslab.report.words import device_notes, kinds, measured_how, plural


def provenance(results: Results, command: str) -> list[tuple[str, str]]:
    """Pairs of a term and what is known of it; terms without anything known are left out."""
    study = results.study
    data, deploy = study.get("data") or {}, study.get("deploy") or {}
    pairs = [
        ("Trials made by", without_roots(str(study.get("command") or ""))),
        ("Report made by", without_roots(command)),
        ("Data", settings({key: value for key, value in data.items() if key != "root"})),
        ("Data identity", results.data_identity),
        ("Split", " and ".join(_splits(results))),
        ("Deployment", settings(deploy)),
        ("Recipe", settings(study.get("recipe") or {})),
        ("Seeds", ", ".join(str(seed) for seed in study.get("seeds") or ())),
        ("Threads", str(study.get("threads") or "")),
        ("Contexts", ", ".join(sorted({str(t["context_id"]) for t in results.slots if t.get("context_id")}))),
        ("Versions", settings(results.versions)),
        *(("Machine", _host(host)) for host in _distinct(results.hosts)),
        *((f"Times on {device}", _times(results, device)) for device in results.devices),
    ]
    return [(term, text) for term, text in pairs if text]


def settings(document: Any) -> str:
    """A document on one line: 'epochs=12, loss.c=1.02'; a name as it is."""
    if not isinstance(document, Mapping):
        return str(document or "")
    return ", ".join(f"{path}={value}" for path, value in _flat(document))


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            written = " ".join(map(str, value)) if isinstance(value, list | tuple) else value
            yield f"{prefix}{key}", written


def _splits(results: Results) -> list[str]:
    """The splits that were scored, with their number of images."""
    found = []
    for trial in results.slots:
        score = trial.get("score") or {}
        if score.get("split"):
            images = f" ({plural(int(score['images']), 'image')} scored)" if score.get("images") else ""
            found.append(f"{score['split']}{images}")
    return unique(found)


def _host(host: Mapping[str, Any]) -> str:
    memory = f"{float(host['memory_gb']):.0f} GB" if host.get("memory_gb") else ""
    cores = plural(int(host["cores"]), "core") if host.get("cores") else ""
    gpu = f"GPU {host['gpu']}" if host.get("gpu") else "no GPU"
    parts = [host.get("cpu"), cores, memory, gpu, host.get("system"), settings(host.get("versions") or {})]
    return ", ".join(str(part) for part in parts if part)


def _distinct(hosts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return list({_host(host): host for host in hosts}.values())


def _times(results: Results, device: str) -> str:
    parts = [
        " and ".join(kinds(results, device)) or "none",
        measured_how(results, device),
        *device_notes(results, device),
    ]
    return "; ".join(part for part in parts if part)


def certificates(results: Results) -> list[dict[str, str]]:
    """One row a variant and device with a measured time: device, variant, certified (yes or no), reason."""
    rows = []
    for device in results.devices:
        for variant, trials in results.by_variant.items():
            times = [(trial.get("times") or {}).get(device) or {} for trial in trials]
            measured = next((one for one in times if kind_of(one) == "measured"), None)
            if measured is not None:
                found = measured.get("certificate") or {}
                reasons = "; ".join(map(str, found.get("reasons") or ()))
                certified = bool(found.get("certified"))
                reason = reasons or ("" if certified else "nothing watched the machine meanwhile")
                word = "yes" if certified else "no"
                rows.append({"device": device, "variant": variant, "certified": word, "reason": reason})
    return rows
