"""What the pinned emulator lacks or does unlike AWS, one topic per module; importing a module applies it."""
