"""The command line: a thin door over the service. Rules: a command parses, asks the service, prints; it decides
nothing. Only click is imported before a command runs, so that `weft --help` costs no more than Python itself."""
