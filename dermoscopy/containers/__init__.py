"""One reader per file format: it walks the structure, checks it, and takes the metadata out."""
