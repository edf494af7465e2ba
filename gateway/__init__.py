"""The gateway between a PACS and the service: images in by C-STORE or DICOMweb, reports back into their studies.

It asks the service over HTTP, through `client/`, and uses nothing else of this repository. docs/gateway.md has the
picture, the settings and what to do when something is stuck.
"""
