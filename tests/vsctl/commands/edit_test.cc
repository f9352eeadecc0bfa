#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

// Editors are scripts: each call takes the next of `edits` (sed expressions).
class EditTest : public CliTest {
 protected:
  EditTest() {
    daemon_.answers("GET /v1/domains/web1", domain("web1"), "\"7\"");
    daemon_.answers("GET /v1/domains/web1", moved(), "\"8\"");
  }
  static json moved() {
    json one = domain("web1", "moved");
    one["metadata"]["resourceVersion"] = 8;
    return one;
  }
  Finished edit(const std::string& editor) const {
    const std::string script = directory_.write("editor", "#!/bin/sh\ncp \"$1\" '" + directory_.path() + "/seen'\n" + editor + "\n");
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    return run_process({VS_VSCTL, "--socket", daemon_.socket_path(), "edit", "domain", "web1"}, "",
                       {"EDITOR=" + script, "VISUAL=", "TMPDIR=" + directory_.path()});
  }
  std::string seen() const {
    std::ifstream file(directory_.path() + "/seen");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::size_t drafts() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      count += entry.path().extension() == ".yaml" ? 1 : 0;
    return count;
  }
};

TEST_F(EditTest, PutsBackWhatWasChangedUnderTheTagThatWasRead) {
  daemon_.answers("PUT /v1/domains/web1", json{{"changes", {{{"kind", "Domain"}, {"name", "web1"}, {"action", "updated"}}}}});
  const Finished run = edit("sed -i 's/Front end/Back end/' \"$1\"");
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "domain/web1 updated\n");
  const Asked put = daemon_.asked().back();
  EXPECT_NE(put.headers.find("If-Match: \"7\"\r\n"), std::string::npos);
  EXPECT_NE(put.headers.find("Content-Type: application/yaml\r\n"), std::string::npos);
  EXPECT_EQ(put.body, R"(apiVersion: vservices/v1
kind: Domain
metadata:
  labels:
    team: web
  name: web1
spec:
  description: Back end
  type: sandbox
)");
  EXPECT_EQ(drafts(), 0U);
}

TEST_F(EditTest, SaysWhenNothingWasChanged) {
  const Finished run = edit("true");
  EXPECT_EQ(run.exit, 0);
  EXPECT_EQ(run.err, "domain/web1 unchanged\n");
  EXPECT_EQ(daemon_.lines(), std::vector<std::string>{"GET /v1/domains/web1"});
  EXPECT_EQ(drafts(), 0U);
}

TEST_F(EditTest, GoesBackToTheEditorWhenSomebodyElseWasFaster) {
  daemon_.refuses("PUT /v1/domains/web1", 412, {{"detail", "domain web1 is at version 8"}});
  daemon_.answers("PUT /v1/domains/web1", json{{"changes", {{{"kind", "Domain"}, {"name", "web1"}, {"action", "updated"}}}}});
  daemon_.answers("POST /v1/diff", json{{"changes", {{{"kind", "Domain"}, {"name", "web1"}, {"action", "updated"},
                                                      {"differences", {{{"pointer", "/metadata/labels/team"}, {"before", "moved"}, {"after", "web"}}}}}}}});
  const Finished run = edit("sed -i 's/Front end/Back end/; s/^# again//; $a # again' \"$1\"");
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(seen().substr(0, seen().find("apiVersion")), R"(# domain web1 is at version 8
# Nothing was changed. Edit on, or leave this text as it is to give up.
# Saving this text would change, of what is there now:
# --- domain/web1
# +++ domain/web1
# @@ /metadata/labels/team @@
# -moved
# +web
)");
  EXPECT_NE(seen().find("Back end"), std::string::npos) << "the work is kept";
  EXPECT_NE(daemon_.asked().back().headers.find("If-Match: \"8\"\r\n"), std::string::npos);
}

TEST_F(EditTest, KeepsARefusedTextThatIsLeftAsItIs) {
  daemon_.refuses("PUT /v1/domains/web1", 400,
                  {{"detail", "2 errors"},
                   {"errors",
                    {{{"pointer", "/spec/type"}, {"message", "no such type"}, {"hint", "sandbox"},
                      {"source", {{"file", "body"}, {"line", 9}, {"column", 9}}}},
                     {{"pointer", "/spec"}, {"message", "not\x1b[2J this"}}}}});
  const Finished run = edit("grep -q Back \"$1\" || sed -i 's/Front end/Back end/' \"$1\"");
  EXPECT_EQ(run.exit, 2);
  EXPECT_EQ(seen().substr(0, seen().find("apiVersion")), R"(# line 13, column 9: no such type (sandbox)
# /spec: not\x1b[2J this
# 2 errors
# Nothing was changed. Edit on, or leave this text as it is to give up.
)");
  ASSERT_EQ(drafts(), 1U);
  const std::size_t at = run.err.find(directory_.path() + "/vsctl-");
  ASSERT_NE(at, std::string::npos) << run.err;
  std::ifstream kept(run.err.substr(at, run.err.find('\n', at) - at));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), seen());
}

TEST_F(EditTest, KeepsTheTextWhenTheDaemonWillHaveNoneOfIt) {
  daemon_.refuses("PUT /v1/domains/web1", 403, {{"detail", "you may not"}});
  const Finished run = edit("sed -i 's/Front end/Back end/' \"$1\"");
  EXPECT_EQ(run.exit, 5);
  EXPECT_EQ(run.err.find("vsctl: you may not; nothing was changed, your text is kept in " + directory_.path()), 0U) << run.err;
  EXPECT_EQ(drafts(), 1U);
}

TEST_F(EditTest, AnEmptyTextChangesNothing) {
  const Finished run = edit("echo '# nothing' >\"$1\"");
  EXPECT_EQ(run.exit, 2);
  EXPECT_EQ(run.err, "vsctl: the text is empty: nothing was changed\n");
  EXPECT_EQ(daemon_.lines().size(), 1U);
}

TEST_F(EditTest, AnEditorThatFailsChangesNothing) {
  const Finished run = edit("exit 1");
  EXPECT_EQ(run.exit, 2);
  EXPECT_EQ(daemon_.lines().size(), 1U);
  EXPECT_EQ(drafts(), 0U);
}

}  // namespace
}  // namespace vs::ctl::test
