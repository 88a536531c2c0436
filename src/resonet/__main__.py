"""`python -m resonet`: the command of this very installation, where `resonet` on the path may be another's."""

import sys

from resonet.cli import main

sys.exit(main())
