"""Photos on their way in: claims checked, bytes spooled, stored, recorded, and a signed receipt given."""
