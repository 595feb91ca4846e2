"""Build hook of the wheel: add the files of a new project, which `flows init` writes."""

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Template(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the template into the wheel. An editable install uses the checkout."""
        if version == "standard":
            sys.path.insert(0, self.root)
            from clearml_flows.project import PACKED, PARTS

            build_data["force_include"] |= {part: f"clearml_flows/{PACKED.name}/{part}" for part in PARTS}
