"""The WebSockets of the pages: each asks again and again whether its user still may."""
