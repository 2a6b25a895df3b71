"""What others do with the same topology, each as a script that a whole process runs."""
