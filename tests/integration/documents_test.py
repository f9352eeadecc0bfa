"""What is written down holds: the README's tour, what the Debian packages say of building and of terms."""

import os
import re
import subprocess
import unittest

from node import SOURCE, Node, wait_until


class Readme(unittest.TestCase):
    def test_the_tour_works_word_for_word(self):
        readme = (SOURCE / "README.md").read_text()
        tour = re.search(r"<!-- tour -->\n(.*?)<!-- end of tour -->", readme, re.S)
        self.assertTrue(tour, "README.md has no tour")
        blocks = re.findall(r"```sh\n(.*?)```", tour[1], re.S)
        self.assertGreaterEqual(len(blocks), 3)
        node = Node(nameserver_options=["--host-record=web.demo.test,192.0.2.10,2001:db8::10"])
        self.addCleanup(node.close)
        # The tour names the demo's nameserver; the test's has another port.
        policy = (SOURCE / "policies/demo.yaml").read_text().replace("127.0.0.1:5300", f"127.0.0.1:{node.nameserver.port}")
        work = node.directory / "work"
        (work / "policies").mkdir(parents=True)
        (work / "policies/demo.yaml").write_text(policy)
        environment = {**node.environment(), "PATH": f"{SOURCE}:{os.environ['VS_BINARY_DIR']}/bin:{os.environ['PATH']}"}
        for block in blocks:
            for line in block.replace("\\\n", " ").splitlines():
                command, _, wanted = line.partition("  # exit status ")
                if command.startswith(("./demo.sh", "export ")) or not command.strip():
                    continue  # the node is this test's own
                def run():
                    return subprocess.run(["bash", "-c", command], cwd=work, env=environment, capture_output=True, text=True)

                if "vsctl metrics" in command:  # a busy backend's counters come with a later scrape
                    wait_until(lambda: run().returncode == int(wanted or 0), command)
                ran = run()
                self.assertEqual(ran.returncode, int(wanted or 0), f"$ {command}\n{ran.stdout}{ran.stderr}")


class Packages(unittest.TestCase):
    def test_building_them_depends_on_what_building_needs(self):
        listed = re.search(r"# build\n(.*?)\n\n", (SOURCE / "packaging/packages.txt").read_text(), re.S)[1].split()
        control = (SOURCE / "packaging/debian/control").read_text()
        depends = re.findall(r"[a-z][a-z0-9+-]+", re.search(r"(?m)^Build-Depends:(.*?)^\S", control, re.S | re.M)[1])
        self.assertEqual(sorted({*listed, "debhelper-compat", "help2man"} - {"build-essential"}), sorted(depends))

    def test_the_terms_are_those_of_the_source(self):
        """Whoever adds a licence to the source says so in the packages, too."""
        terms = (SOURCE / "packaging/debian/copyright").read_text()
        self.assertEqual("License: none-granted" in terms, not (SOURCE / "LICENSE").exists())


if __name__ == "__main__":
    unittest.main()
