import json
from pathlib import Path

import pytest


@pytest.fixture
def talk(tmp_path: Path) -> str:
    """A file of conversations."""
    path = tmp_path / "talk.jsonl"
    talks = [["안녕하세요", f"hello {n} 🙂", "What is it?", f"nothing {n}"] for n in range(4)]
    path.write_text("".join(json.dumps({"turns": turns}) + "\n" for turns in talks))
    return str(path)
