"""This room holds one served picture size of a stream: description, pictures, readers and their sessions."""
