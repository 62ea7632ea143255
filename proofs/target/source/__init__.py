"""What a target's source says, read and not run, and which of its lines ran."""
