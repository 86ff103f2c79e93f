"""The command line: the only place that reads arguments, prints, and decides on exit codes."""
