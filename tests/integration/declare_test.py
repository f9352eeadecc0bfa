"""What an operator declares: diff, apply, prune, edit, wait and jsonpath of vsctl, against a real daemon."""

import pathlib
import re
import shlex
import subprocess
import unittest

from node import SharedNodeTest, domain

FIVE_ERRORS = """apiVersion: vservices/v1
kind: AccessPolicy
metadata: {name: faulty, nmae: x}
spec:
  rules:
    - id: one
      effect: maybe
      message: ""
      match: {domains: []}
    - id: one
      effect: deny
      message: the same id
      match: {domain: [web1]}
"""


class Declaring(SharedNodeTest):
    def apply(self, text, *options, status=0):
        return self.assertRan(self.node.vsctl("apply", "-f", "-", *options, text=text), status)

    def labels(self, name):
        return self.node.get("domain", name)["metadata"].get("labels", {})

    def test_diff_says_whether_an_apply_would_change_anything_and_what(self):
        self.assertEqual(self.assertRan(self.node.vsctl("diff", "-f", "-", text=domain("diff1", tier="web")), 1),
                         "--- /dev/null\n+++ domain/diff1\n@@  @@\n+metadata:\n+  labels:\n+    tier: web\n+  name: diff1\n"
                         "+spec:\n+  description: \"\"\n+  type: sandbox\n")
        self.assertRan(self.node.vsctl("get", "domain", "diff1"), 3)
        self.apply(domain("diff1", tier="web"))
        self.assertEqual(self.assertRan(self.node.vsctl("diff", "-f", "-", text=domain("diff1", tier="web"))), "")
        changed = self.node.vsctl("diff", "-f", "-", text=domain("diff1", tier="db"))
        self.assertEqual(self.assertRan(changed, 1),
                         "--- domain/diff1\n+++ domain/diff1\n@@ /metadata/labels/tier @@\n-web\n+db\n")
        self.assertEqual(self.labels("diff1"), {"tier": "web"})
        self.assertRan(self.node.vsctl("diff", "-f", "-", text="kind: Domian\n"), 2)

    def test_apply_twice_says_unchanged(self):
        text = domain("twice1") + domain("twice2", a="b")
        self.assertEqual(self.apply(text), "domain/twice1 created\ndomain/twice2 created\n")
        before = self.node.get("domain", "twice1")["metadata"]
        self.assertEqual(self.apply(text), "domain/twice1 unchanged\ndomain/twice2 unchanged\n")
        self.assertEqual(self.node.get("domain", "twice1")["metadata"], before)

    def test_a_dry_run_says_what_the_apply_then_says_and_does_nothing(self):
        self.apply(domain("dry1"))
        text = domain("dry1", a="b") + domain("dry2")
        said = self.apply(text, "--dry-run")
        self.assertRan(self.node.vsctl("get", "domain", "dry2"), 3)
        self.assertEqual(self.labels("dry1"), {})
        self.assertEqual(said.replace(" (dry run)", ""), self.apply(text))
        self.apply(text.replace("sandbox", "toaster"), "--dry-run", status=2)

    def test_prune_deletes_what_the_label_selects_and_no_file_declares(self):
        self.apply(domain("prune1", app="pruned") + domain("prune2", app="pruned") + domain("prune3", app="other"))
        keep = domain("prune1", app="pruned")
        self.assertIn("-", self.assertRan(self.node.vsctl("diff", "-f", "-", "--prune", "-l", "app=pruned", text=keep), 1))
        self.assertEqual(sorted(self.apply(keep, "--prune", "-l", "app=pruned").splitlines()),
                         ["domain/prune1 unchanged", "domain/prune2 deleted"])
        names = self.assertRan(self.node.vsctl("get", "domains", "-o", "name", "-l", "app in (pruned, other)"))
        self.assertEqual(names, "domain/prune1\ndomain/prune3\n")
        self.apply(keep, "--prune", status=2)  # of what?

    def test_prune_takes_nothing_that_others_need_and_then_changes_nothing(self):
        self.apply("apiVersion: vservices/v1\nkind: Service\nmetadata: {name: needs}\nspec: {kind: dns}\n---\n" +
                   domain("needed", app="needing") +
                   "apiVersion: vservices/v1\nkind: Binding\nmetadata: {name: needs}\n"
                   "spec: {domain: needed, service: needs, device: dns}\n")
        refused = self.node.vsctl("apply", "-f", "-", "--prune", "-l", "app=needing", text=domain("needs1", app="needing"))
        self.assertRan(refused, 2)
        self.assertIn("needed", refused.stderr)
        self.assertRan(self.node.vsctl("get", "domain", "needed"))
        self.assertRan(self.node.vsctl("get", "domain", "needs1"), 3)

    def test_a_directory_is_applied_as_one(self):
        directory = self.node.directory / "declared"
        directory.mkdir()
        (directory / "a.yaml").write_text(domain("dir1"))
        (directory / "b.yml").write_text(domain("dir2"))
        (directory / "notes.txt").write_text("not yaml: [")
        self.assertEqual(self.assertRan(self.node.vsctl("apply", "-f", str(directory))),
                         "domain/dir1 created\ndomain/dir2 created\n")
        (directory / "b.yml").write_text(domain("dir3") + "kind: nonsense\n")
        self.assertRan(self.node.vsctl("apply", "-f", str(directory)), 2)
        self.assertRan(self.node.vsctl("get", "domain", "dir3"), 3)

    def test_five_errors_are_told_at_five_places(self):
        path = self.node.directory / "faulty.yaml"
        path.write_text(FIVE_ERRORS)
        refused = self.node.vsctl("apply", "-f", str(path))
        self.assertRan(refused, 2)
        places = re.findall(re.escape(str(path)) + r":(\d+):(\d+): ", refused.stderr)
        self.assertEqual(len(set(places)), len(places), refused.stderr)
        self.assertEqual([line for line, _ in places], ["3", "7", "8", "9", "10", "13"], refused.stderr)
        self.assertIn('did you mean "name"?', refused.stderr)
        self.assertRan(self.node.vsctl("get", "policy", "faulty"), 3)

    def test_jsonpath_takes_parts_of_any_answer(self):
        self.apply(domain("path1", tier="web") + domain("path2"))
        parts = ("-o", "jsonpath={.metadata.labels.tier} is {.spec.type}")
        self.assertEqual(self.assertRan(self.node.vsctl("get", "domain", "path1", *parts)), "web is sandbox\n")
        names = self.assertRan(self.node.vsctl("get", "domains", "-l", "tier=web", "-o", "jsonpath={.items[*].metadata.name}"))
        self.assertIn("path1", names.split())
        self.assertNotIn("path2", names.split())
        self.assertEqual(self.assertRan(self.node.vsctl("patch", "domain", "path1", "-p", "{}", "-o",
                                                        "jsonpath={.changes[0].action}")), "unchanged\n")
        self.assertRan(self.node.vsctl("get", "domain", "path1", "-o", "jsonpath={.metadata"), 2)

    def test_waiting_ends_with_7_when_it_is_not_so_in_time_and_says_what_is(self):
        self.apply(domain("wait1"))
        self.assertRan(self.node.vsctl("wait", "domain", "wait1", "--for", "state=Ready", "--timeout", "60s"))
        none = self.node.vsctl("wait", "domain", "wait1", "--for", "condition=Bound", "--timeout", "200ms")
        self.assertRan(none, 7)
        self.assertIn("Ready; it has no conditions", none.stderr)
        late = self.node.vsctl("wait", "domain", "wait1", "--for", "deleted", "--timeout", "200ms")
        self.assertRan(late, 7)
        self.assertIn("domain/wait1 has not deleted after 200 ms: still there", late.stderr)
        waiter = self.node.popen("wait", "domain", "wait1", "--for", "deleted", "--timeout", "60s", stdout=subprocess.DEVNULL)
        self.assertRan(self.node.vsctl("delete", "domain", "wait1"))
        self.assertEqual(waiter.wait(), 0)


class Editing(SharedNodeTest):
    """Editors are scripts: {file} is what they are to change."""

    def edit(self, name, script):
        path = self.node.directory / f"{self.id()}.sh"
        path.write_text(f'#!/bin/sh\nfile=$1\nvsctl="{self.node.vsctl_command()[0]}"\n{script}\n')
        path.chmod(0o700)
        environment = {**self.node.environment(), "EDITOR": shlex.quote(str(path)), "VISUAL": "", "VSCTL_EDITOR": "",
                       "TMPDIR": str(self.node.directory)}
        return subprocess.run([*self.node.vsctl_command(), "edit", "domain", name], env=environment, capture_output=True, text=True)

    def declare(self, name):
        self.assertRan(self.node.vsctl("apply", "-f", "-", text=domain(name, tier="web")))

    def kept(self, result):
        """The text that was kept, and it alone, of what the result's error names."""
        path = pathlib.Path(re.search(r"your text is kept in (\S+)", result.stderr)[1])
        text = path.read_text()
        path.unlink()
        return text

    def drafts(self):
        return list(self.node.directory.glob("vsctl-*"))

    def test_it_shows_what_was_declared_as_yaml_and_nothing_the_daemon_adds(self):
        self.declare("edit1")
        seen = self.node.directory / "seen"
        result = self.edit("edit1", f'cp "$file" {seen}')
        self.assertRan(result)
        self.assertEqual(result.stderr, "domain/edit1 unchanged\n")
        heading, _, body = seen.read_text().partition("\n")
        self.assertRegex(heading, r"^# domain/edit1 at version \d+\. Saving changes it; leaving this text as it is does not\.$")
        self.assertEqual(body, "apiVersion: vservices/v1\nkind: Domain\nmetadata:\n  labels:\n    tier: web\n  name: edit1\n"
                               "spec:\n  description: \"\"\n  type: sandbox\n")
        self.assertEqual(self.drafts(), [])

    def test_it_puts_back_what_was_changed_in_any_style_that_apply_takes(self):
        self.declare("edit2")
        result = self.edit("edit2", "printf '%s\\n' '# mine' 'kind: Domain' 'apiVersion: vservices/v1' "
                                    "'metadata: {name: edit2} # no labels any more' 'spec: {type: container}' >$file")
        self.assertEqual(self.assertRan(result), "domain/edit2 updated\n")
        self.assertEqual(self.node.get("domain", "edit2")["spec"]["type"], "container")
        self.assertEqual(self.node.get("domain", "edit2")["metadata"].get("labels", {}), {})
        self.assertEqual(self.drafts(), [])

    def test_what_is_refused_comes_back_with_the_line_and_is_kept_when_it_is_left_so(self):
        self.declare("edit3")
        before = self.node.get("domain", "edit3")["metadata"]
        result = self.edit("edit3", "grep -q toaster $file || sed -i 's/type: sandbox/type: toaster/; s/tier: web/tier: db/' $file")
        self.assertRan(result, 2)
        self.assertIn("nothing was changed", result.stderr)
        text = self.kept(result)
        line, column = map(int, re.search(r"^# line (\d+), column (\d+): ", text, re.M).groups())
        self.assertEqual(text.splitlines()[line - 1][column - 1:], "toaster", text)
        self.assertIn("    tier: db\n", text)
        self.assertEqual(self.node.get("domain", "edit3")["metadata"], before)

    def test_what_was_refused_can_be_mended(self):
        self.declare("edit4")
        result = self.edit("edit4", "if grep -q toaster $file; then sed -i s/toaster/container/ $file; "
                                    "else sed -i 's/type: sandbox/type: toaster/' $file; fi")
        self.assertEqual(self.assertRan(result), "domain/edit4 updated\n")
        self.assertEqual(self.node.get("domain", "edit4")["spec"]["type"], "container")

    def test_what_somebody_else_changed_meanwhile_is_shown_before_it_is_overwritten(self):
        self.declare("edit5")
        once = self.node.directory / "edit5.once"
        other = """'{"metadata": {"labels": {"by": "other"}}}'"""
        result = self.edit("edit5", f"""if [ -e {once} ]; then cp "$file" {once}; sed -i 's/^# .*again.*//; $a # again' "$file"
            else touch {once}; "$vsctl" patch domain edit5 -p {other} >/dev/null; sed -i 's/tier: web/tier: db/' "$file"; fi""")
        self.assertEqual(self.assertRan(result), "domain/edit5 updated\n")
        seen = once.read_text()
        for line in ("# @@ /metadata/labels/by @@", "# -other", "# @@ /metadata/labels/tier @@", "# +db", "    tier: db"):
            self.assertIn(line + "\n", seen)
        self.assertEqual(self.node.get("domain", "edit5")["metadata"]["labels"], {"tier": "db"})

    def test_text_is_not_lost_when_the_object_is_gone_or_the_editor_fails(self):
        self.declare("edit6")
        result = self.edit("edit6", '"$vsctl" delete domain edit6 >/dev/null; sed -i "s/tier: web/tier: lost/" $file')
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("tier: lost", self.kept(result))
        self.declare("edit7")
        result = self.edit("edit7", "sed -i 's/tier: web/tier: failed/' $file; exit 3")
        self.assertRan(result, 2)
        self.assertIn("tier: failed", self.kept(result))
        result = self.edit("edit7", "exit 3")
        self.assertRan(result, 2)
        self.assertIn("nothing was changed", result.stderr)
        self.assertRan(self.edit("edit7", ": >$file"), 2)
        self.assertEqual(self.drafts(), [])
        self.assertEqual(self.node.get("domain", "edit7")["metadata"]["labels"], {"tier": "web"})


if __name__ == "__main__":
    unittest.main()
