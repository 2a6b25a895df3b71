"""`make bench-qos`: what quality of service is worth, measured with traffic, beside how others do it, in one run."""
