"""How close the service is to the bare work; measured beside it in one run."""
