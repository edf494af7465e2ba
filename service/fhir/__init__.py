"""Answers about images as HL7 FHIR R4 (4.0.1), from elements that R4B has too; docs/fhir.md is about what they mean."""
