"""From a clean scan or PDF of a form to a proposed definition, for a technician to complete."""
