"""The parts of bootstrap, one file for each thing that the server can do."""
