"""The HTTP side of melanoserve: images in, decision and stage grade out."""

VERSION = "0.1.0"
