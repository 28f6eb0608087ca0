"""The tests of the pages ask for ports, and speak to relays, as the API tests do."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "api"))
