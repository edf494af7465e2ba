"""Two validators that know nothing of us: fhir.resources (R4B) and npm's fhir (R4).

Each misses something that the other finds: fhir.resources looks at no value sets, npm's fhir at no choices of a type.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

NPM = Path(__file__).parent / "npm"
Resource = dict[str, Any]


def python_faults(resource: Resource) -> list[str]:
    """What fhir.resources finds wrong."""
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate_json(json.dumps(resource))
    except ValidationError as error:
        return [f"{fault['loc']}: {fault['msg']}" for fault in error.errors()]
    return []


class NodeValidator:
    """npm's fhir, installed as its lock file says into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed: FHIR bundles are NOT validated by npm's fhir")
        self._folder = folder
        shutil.copytree(NPM, folder, dirs_exist_ok=True)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"]
        subprocess.run(command, cwd=folder, check=True, timeout=300, capture_output=True)

    def faults(self, resources: Sequence[Resource]) -> list[list[str]]:
        """What it finds wrong with each."""
        ended = subprocess.run(
            ["node", "validate.js"], cwd=self._folder, input=json.dumps(resources), text=True, timeout=300,
            check=True, capture_output=True,
        )  # fmt: skip
        found = json.loads(ended.stdout)
        return [one["errors"] or ([] if one["valid"] else ["not valid"]) for one in found]
