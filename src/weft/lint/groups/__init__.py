"""Security groups and floating IPs that are legal and let nobody through whom they mean to.

Rules: as all of `lint`. What is said never to pass does not pass in the model of `reach` either: judged by the rules of
the file alone, and where these leave a doubt nothing is said.
"""
