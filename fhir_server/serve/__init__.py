"""The processes of a running server: one owner, its PostgreSQL, and workers that share one listening socket.

https://man7.org/linux/man-pages/man2/accept.2.html
"""
