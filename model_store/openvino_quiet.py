"""OpenVINO, imported without telling anybody.

`import openvino` alone reports itself to Google Analytics and writes an identifier into the home directory, without
asking (openvino/tools/ovc/__init__.py sends "general_import"). It does without when that package cannot be imported.
"""

import sys

from model_store.errors import RuntimeUnavailable

sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]

try:
    import openvino as ov
    from openvino import opset13 as ops
except ImportError as error:
    raise RuntimeUnavailable("OpenVINO is not installed here; it comes with requirements/service.txt.") from error

__all__ = ["ops", "ov"]
