"""Recorded takes as films and as animated glTF."""
