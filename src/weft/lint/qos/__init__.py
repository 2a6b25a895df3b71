"""Quality of service that is legal and does not do what it was meant to.

Rules: as all of `lint`; a policy that many use is looked at once, where it is written.
"""
