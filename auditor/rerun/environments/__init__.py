"""The interpreter and the releases of the libraries that a rerun trains with."""
