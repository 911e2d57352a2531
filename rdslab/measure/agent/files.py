"""The files in which a machine tells what it is and does."""

import re
from pathlib import Path
from typing import List, Optional


class Files:
    """The machine's files, under a folder that stands for its root. Paths are written without a slash in front."""

    def __init__(self, root: str = "/") -> None:
        self.root = Path(root)

    def text(self, path: str) -> str:
        """A file's text; "" where it cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def first_line(self, path: str) -> str:
        """What stands before the first end of line or zero byte, in single spaces."""
        return " ".join(re.split(r"[\n\0]", self.text(path))[0].split())

    def number(self, path: str) -> Optional[float]:
        """A file's number; None where it cannot be read or is none."""
        try:
            return float(self.text(path))
        except ValueError:
            return None

    def find(self, pattern: str) -> List[str]:
        """The paths that match, in order."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.glob(pattern))
