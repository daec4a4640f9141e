"""How one person's face is measured: guided calibration, online calibration, profiles."""
