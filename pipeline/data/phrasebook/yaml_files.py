"""The YAML files of a folder, in which no key may stand twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import DataError


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML itself keeps the last of several values of a key and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ValueError(f"'{key.value}' occurs twice, again in line {line}")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_folder(folder: Path) -> Iterator[tuple[Path, Any]]:
    """The .yaml files of `folder` by name, each with its content.

    Raises:
        DataError: There are none, or one is no YAML, or has a key twice; the file is named.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise DataError(f"{folder}: expected a folder with .yaml files")
    for path in paths:
        try:
            yield path, yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
        except (OSError, ValueError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{path}: expected readable YAML: {reason}") from None
