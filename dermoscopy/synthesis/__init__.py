"""The parts of a synthetic dermoscopic photograph, put together by `dermoscopy.render`."""
