"""Small programs that drive one system each, in its own interpreter; see `measure`."""
