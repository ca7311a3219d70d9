"""Run by rembg's own Python: its results for a list of orders, written as PNG files.

python rembgs_results.py ORDERS.json, a list of {"model", "picture", "options", "to"}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rembg import new_session, remove  # type: ignore[import-not-found]


def main() -> None:
    sessions: dict[str, Any] = {}
    for order in json.loads(Path(sys.argv[1]).read_text()):
        model = order["model"]
        sessions[model] = sessions.get(model) or new_session(model)
        content = remove(Path(order["picture"]).read_bytes(), session=sessions[model], **order["options"])
        Path(order["to"]).write_bytes(content)


main()
