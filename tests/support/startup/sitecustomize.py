"""What the processes that tests start do first: look for garbage seldom.

Libraries make a million objects that stay. Looking through them takes a fifth of the time of their imports,
and a second at the end of each process.
"""

import atexit
import gc

gc.set_threshold(100_000, 50, 50)
atexit.register(gc.freeze)
