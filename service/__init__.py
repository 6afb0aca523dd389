"""What people and other programs use: the command line now, the web service later."""
