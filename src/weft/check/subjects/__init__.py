"""What the doctor looks at: a module for each subject, whose `find` says what of the symptoms is well and what not."""
