"""`nanochat` with a server that waits for slow clients a second, not half a minute."""

import sys

from nanochat import cli
from nanochat.serve import answering, guards, server

if __name__ == "__main__":
    guards.BODY_WITHIN = server.HEADERS_WITHIN = answering.SIGN_OF_LIFE = 1.0
    sys.exit(cli.main())
