"""What the service is measured with: beside its peers and beside the bare work, under overload, swaps and a soak."""
