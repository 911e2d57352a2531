"""The tables that stand beside Optuna's in one database."""

import sqlalchemy as sa

SCHEMA = 1

tables = sa.MetaData()
studies = sa.Table(
    "rdslab_studies",
    tables,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("schema", sa.Integer, nullable=False),
    sa.Column("fixed", sa.Text, nullable=False),
)
nets = sa.Table(
    "rdslab_nets",
    tables,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("canonical_id", sa.String(16), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
contexts = sa.Table(
    "rdslab_contexts",
    tables,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
)
facts = sa.Table(
    "rdslab_facts",
    tables,
    sa.Column("study", sa.String(200), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("net_id", sa.String(16), primary_key=True),
    sa.Column("context_id", sa.String(16), primary_key=True),
    sa.Column("seed", sa.Integer, primary_key=True),  # -1: not a matter of seeds
    sa.Column("document", sa.Text, nullable=False),
)
slots = sa.Table(
    "rdslab_slots",
    tables,
    sa.Column("study", sa.String(200), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("variant", sa.Text, nullable=False),
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("net_id", sa.String(16), nullable=False),
    sa.Column(
        "state", sa.String(10), nullable=False, default="waiting"
    ),  # waiting running done failed; of a search also pruned refused repeated
    sa.Column("owner", sa.Text),
    sa.Column("beat", sa.Float),
    sa.Column("progress", sa.Text),
    sa.Column("trial", sa.Integer),
    sa.Column("error", sa.Text),
)
hours = sa.Table(
    "rdslab_hours",
    tables,
    sa.Column("study", sa.String(200), primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True),
    sa.Column("stage", sa.String(20), primary_key=True),
    sa.Column("seconds", sa.Float, nullable=False),
)
boards = sa.Table(
    "rdslab_boards",
    tables,
    sa.Column("device", sa.String(300), primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),  # the one process that measures on it
    sa.Column("beat", sa.Float, nullable=False),
)
