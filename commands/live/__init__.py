"""Who is connected and what runs now, in whatever process: seen, watched and ended."""
