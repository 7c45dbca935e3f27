"""What one array library needs beside the standard; imported only when its arrays come in."""
