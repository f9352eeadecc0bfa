"""./demo.sh ends well and leaves nothing running."""

import os
import subprocess
import unittest

from node import SOURCE


class Demo(unittest.TestCase):
    def test_it_ends_well_and_leaves_nothing(self):
        ran = subprocess.run([SOURCE / "demo.sh"], capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertEqual(ran.stdout.splitlines()[-1], "demo: ok")
        self.assertFalse(os.path.exists("/run/vservices-demo"))
        self.assertNotIn("vservices-demo", subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout)


if __name__ == "__main__":
    unittest.main()
