"""Answers about DICOM objects as DICOM objects in the same study; docs/how-to/dicom.md is about what they mean.

pydicom and highdicom cost half a second and 40 MB, so whatever imports them is itself imported when a report is asked
for, and not before.
"""

MEDIA_TYPE = "application/dicom"
