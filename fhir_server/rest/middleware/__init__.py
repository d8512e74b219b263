"""What wraps every request, one pure ASGI middleware each.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""
