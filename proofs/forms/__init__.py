"""What claim files are made of: the statement that is read, and the shapes of claims."""
