"""Every field of the honest run changed alone."""
