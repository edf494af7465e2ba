"""The frame of every page: notice, state of the service, navigation."""

import streamlit as st

from ui import frame, page_history, page_images, page_lesion, page_models, uploads


def main() -> None:
    """Draws the page that is looked at."""
    uploads.keep_in_memory()
    st.set_page_config(page_title="melanoserve", page_icon=str(frame.ICON), layout="wide")
    pages = [
        st.Page(page_images.show, title="Images", url_path="images", default=True),
        st.Page(page_lesion.show, title="One lesion", url_path="lesion"),
        st.Page(page_history.show, title="History", url_path="history"),
        st.Page(page_models.show, title="Models", url_path="models"),
    ]
    # Streamlit's own would lie over the page on a phone, and stay there.
    chosen = st.navigation(pages, position="hidden")
    with st.container(horizontal=True, gap="small", key="navigation"):
        for page in pages:
            st.page_link(page, width="content")
    frame.draw()
    chosen.run()


main()
