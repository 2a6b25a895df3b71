"""The supervisor of programs, where no systemd keeps them."""
