"""The pages of every user about themselves: what they may run, what ran, who was in, and how to stop it.

No right is needed, and nothing of anybody else is ever shown: each query names the user's own id or name."""
