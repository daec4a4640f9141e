"""What is person, hair, hand and background in a picture."""
