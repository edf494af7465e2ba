"""What is uploaded stays in memory, also while it comes in."""

import streamlit as st
from starlette.formparsers import MultiPartParser

_MIB = 1024 * 1024


def keep_in_memory() -> None:
    """Lets the page's server put no part of a picture on a disk, as it otherwise does with those above 1 MB until they
    are complete. It takes no larger ones than `server.maxUploadSize`, which is in MiB."""
    MultiPartParser.spool_max_size = st.get_option("server.maxUploadSize") * _MIB
