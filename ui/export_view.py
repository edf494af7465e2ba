"""Files for a clinic's record, asked for once somebody opens the list."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from client import MelanoserveError
from client.dicom import MEDIA_TYPE as DICOM
from client.fhir import MEDIA_TYPE as FHIR
from ui import exporting, markup, session, words
from ui.asking import Asked

LABEL = "Save for the record"
ABOUT = (
    "These files say what this page says, as **preliminary** and not verified: somebody must read them and take "
    "responsibility before they count as a finding."
)
ABOUT_FHIR = (
    "**FHIR R4**, for a clinic's information system. It names no patient, because the service is not told whose "
    "picture it is: your system adds who the patient is before it stores the file."
)
ABOUT_DICOM = (
    "**DICOM report**, for the archive that the picture is from. It belongs to the study of your file and takes the "
    "patient's name over from it: keep it as confidential as the file."
)


def show(file: UploadedFile, asked: Asked) -> None:
    """Draws the list, closed at first.

    Args:
        file: The image.
        asked: What was answered about it.
    """
    image = asked.image
    if image is None:
        return
    of_dicom = image.media_type == DICOM
    label = f"{LABEL}: FHIR and DICOM" if of_dicom else f"{LABEL}: FHIR"
    with st.expander(label, key=f"export-{file.file_id}", on_change="rerun") as listed:
        if not listed.open:
            return
        st.markdown(ABOUT)
        st.markdown(ABOUT_FHIR)
        bundle = session.bundle(file, asked)
        if isinstance(bundle, MelanoserveError):
            _trouble(bundle, f"again-fhir-{file.file_id}")
        else:
            _save(file, "Save as FHIR", exporting.as_json(bundle), f"{exporting.stem(image)}.fhir.json", FHIR)
        if not of_dicom:
            return
        st.markdown(ABOUT_DICOM)
        found = session.reported(file, asked)
        if isinstance(found, MelanoserveError):
            _trouble(found, f"again-dicom-{file.file_id}")
        else:
            _save(file, "Save as DICOM report", found.report, f"{exporting.stem(image)}.sr.dcm", DICOM)


def _save(file: UploadedFile, label: str, data: str | bytes, name: str, media_type: str) -> None:
    # The same picture may be there twice, and is then saved under one name.
    st.download_button(label, data, name, media_type, on_click="ignore", key=f"save-{file.file_id}-{name}")


def _trouble(error: MelanoserveError, key: str) -> None:
    st.error(markup.plain(words.trouble(error)))
    if error.retryable:
        st.button("Ask again", on_click=session.forget_failures, key=key)
