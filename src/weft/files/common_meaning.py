"""What the keys mean that many records have: a part of meaning.py, by its rules."""

ID = "A UUID that the object keeps for life. Left out: derived from the scope and the path."
WAS = "Its former name: it is renamed, not made anew. Stays in the file: names in the kernel follow it."
