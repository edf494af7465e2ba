"""One file for each layout in which labelled dermoscopic images are handed out; `LAYOUTS` knows them all."""

from training.layouts import archive, challenges, derm7pt, folders, ham10000, ph2
from training.layouts.tables import Folder

__all__ = ["LAYOUTS", "Folder"]

LAYOUTS = {
    "HAM10000": ham10000.read,
    "ISIC challenge 2016 to 2020, SIIM-ISIC": challenges.read,
    "ISIC Archive": archive.read,
    "Derm7pt": derm7pt.read,
    "PH2": ph2.read,
    "a folder for each class": folders.read,
}
"""Name -> what reads it: its images, or none where the folder is laid out in another way."""
