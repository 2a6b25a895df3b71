"""What people declare, as pure data: intent.py is a whole file, words.py the forms that its texts may have."""
