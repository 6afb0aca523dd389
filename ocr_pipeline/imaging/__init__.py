"""Files to upright pictures: the one decode, and typed wrappers of OpenCV."""
