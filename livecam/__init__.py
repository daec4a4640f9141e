"""A real-time virtual camera that puts a lit 3-D avatar head over your own."""

__version__ = "0.1.0"
