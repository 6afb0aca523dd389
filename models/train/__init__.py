"""Training of the shipped models. Development only: needs torch (the ``train`` extra); the reader never imports it."""
