"""Engines that decide whether two programs are the same function: exactly, symbolically, in floats, in balls."""
