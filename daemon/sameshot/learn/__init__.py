"""What the owner said and did becomes small corrections, each proven on words that it was not learned from."""
