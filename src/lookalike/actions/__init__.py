"""What belongs to a picture, and what happens to it when the picture is moved or removed."""
