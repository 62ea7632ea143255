"""The recorder for numpy and array-API code."""
