"""What a box is: its numbers, its formats, and the relations of two boxes that losses are stated over."""
