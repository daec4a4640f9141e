"""The microphone, and the mouth from sound."""
