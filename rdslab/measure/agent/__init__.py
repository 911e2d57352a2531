"""What runs on a board, and beside every local timing: Python 3.6 and its standard library only."""
