"""The command `rdslab` before it has any commands, and the options that many of them share."""

from typing import Annotated

import typer

from rdslab import __version__

app = typer.Typer(
    name="rdslab",
    help="Ablation and architecture search for real-time semantic segmentation networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Nets = Annotated[list[str], typer.Argument(metavar="NET...", help="Zoo names or YAML files.")]
OneNet = Annotated[str, typer.Argument(metavar="NET", help="A zoo name or a YAML file.")]
SizeText = Annotated[str, typer.Option("--size", help="Input size, width x height.")]
Classes = Annotated[int, typer.Option("--classes", help="Number of classes.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Set = Annotated[list[str], typer.Option("--set", metavar="PATH=VALUE", help="Change one value of the document.")]
Threads = Annotated[int, typer.Option("--threads", help="CPU threads.")]
StudyFile = Annotated[str, typer.Argument(metavar="STUDY", help="A study's YAML file.")]
Storage = Annotated[str | None, typer.Option("--storage", help="Database address; default runs/NAME/study.db.")]
Root = Annotated[str | None, typer.Option("--root", help="Folder of the data set; or RDSLAB_DATA.")]


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    if version:
        print(__version__)
        raise typer.Exit
