"""The project measured: time, forwards, soundness of audits, of names and of claims, conformance with torch."""
