"""The paper's experiment, every model of it by one recipe, and what its figures hide."""
