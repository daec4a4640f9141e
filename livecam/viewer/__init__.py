"""One avatar posed by hand: contact sheets and the turntable."""
