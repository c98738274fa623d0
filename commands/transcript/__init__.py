"""What went in and out of an execution, with its times: recording it, reading it, showing it."""
