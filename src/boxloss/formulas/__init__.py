"""What passes from losses to engines: a program."""
