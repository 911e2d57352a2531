"""Studies: what is compared, who does it, and what was found. `plan`, `ledger` and `results` need no torch."""
