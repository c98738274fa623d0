"""The second factor of those who log in on the web: a one-time code beside the password. IMAP knows none."""
