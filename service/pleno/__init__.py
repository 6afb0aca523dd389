"""The recap meeting of a kecamatan."""
