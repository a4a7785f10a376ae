"""Sends log records with the clients that Python programs use: the standard library's SysLogHandler, and fluent-logger.

Usage: send_logs.py udp|tcp|fluent HOST PORT
"""

import logging
import logging.handlers
import socket
import sys

how, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if how == "fluent":
    from fluent import event, sender

    logger = sender.FluentSender("shop", host=host, port=port, nanosecond_precision=True)
    for number in range(20):
        sent = logger.emit("checkout", {"msg": f"no stock for item{number}x", "level": "error", "n": number})
        if not sent:
            sys.exit(f"not sent: {logger.last_error}")
    logger.close()
else:
    kind = socket.SOCK_DGRAM if how == "udp" else socket.SOCK_STREAM
    handler = logging.handlers.SysLogHandler((host, port), socktype=kind)
    # Over TCP the handler ends messages with NUL, over UDP likewise.
    handler.ident = f"python-{how}: "
    logger = logging.getLogger()
    logger.addHandler(handler)
    for number in range(20):
        logger.error("payment failed with code marker%dx", number)
    handler.close()
