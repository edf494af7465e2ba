"""DICOM objects that hold photographs: their structure is checked here, and their pixels come out as one RGB picture.

Nothing of the patient is looked at: of a data set only the elements that say what the pixels are leave `elements`.
"""
