"""Video files, sound and colour conversion; the one home of PyAV."""
