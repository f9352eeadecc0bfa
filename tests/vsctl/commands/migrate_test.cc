#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <thread>

#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kOld = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

json handoff(const std::string& domain, const std::string& phase, const std::string& outcome, const std::string& reason = "") {
  return {{"id", kId},
          {"role", "source"},
          {"domain", domain},
          {"labels", json::object()},
          {"peer", "node2"},
          {"version", 2},
          {"phase", phase},
          {"outcome", outcome},
          {"ended", outcome != "Running" && outcome != "InDoubt" && outcome != "GivingBack"},
          {"manual", false},
          {"bindings", {{{"name", domain + "-dns"}, {"epoch", 3}}}},
          {"reason", reason},
          {"startedAt", "2026-01-02T03:04:05.000Z"},
          {"changedAt", "2026-01-02T03:04:06.000Z"}};
}

json with(json object, const std::string& member, const json& value) {
  object[member] = value;
  return object;
}

json done(const std::string& domain) { return with(handoff(domain, "confirm", "Done"), "blackoutMs", 48); }

Answer accepted(const json& body) { return {.status = 202, .body = body.dump()}; }

class MigrateTest : public CliTest {
 protected:
  MigrateTest() {
    daemon_.answers("POST /v1/migrations", accepted(handoff("web1", "check", "Running")));
    daemon_.answers("GET /v1/migrations", list_of({handoff("web1", "transfer", "Running"),
                                                   with(with(handoff("web1", "confirm", "Done"), "id", kOld), "peer", "node3"),
                                                   with(handoff("web9", "confirm", "Done"), "id", kOld)}));
  }
  void comes_to(const std::vector<json>& states) {
    for (const json& state : states) daemon_.answers("GET /v1/migrations/" + kId, state);
  }
  json body_of(const std::string& line) const {
    for (const Asked& asked : daemon_.asked())
      if (asked.line == line) return json::parse(asked.body);
    return nullptr;
  }
  bool was_asked(const std::string& line) const {
    const auto lines = daemon_.lines();
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
};

TEST_F(MigrateTest, StartWaitsUntilTheOtherServes) {
  comes_to({handoff("web1", "prepare", "Running"), handoff("web1", "freeze", "Running"), done("web1")});
  const Finished run = vsctl({"migrate", "start", "web1", "--to", "node2"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "web1 is served by node2, after 48 ms without service\n");
  EXPECT_EQ(run.err, "") << "no progress where there is no terminal";
  EXPECT_EQ(body_of("POST /v1/migrations"), (json{{"domain", "web1"}, {"node", "node2"}}));
  const Finished as_json = vsctl({"migrate", "start", "web1", "--to", "node2", "-o", "json"});
  EXPECT_EQ(json::parse(as_json.out)["outcome"], "Done");
}

TEST_F(MigrateTest, StartSaysWhyItDidNotGo) {
  comes_to({handoff("web1", "prepare", "Cancelled", "node2 has no room")});
  const Finished run = vsctl({"migrate", "start", "web1", "--to", "node2"});
  EXPECT_EQ(run.exit, 1);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err, "vsctl: web1 stays here: node2 has no room\n");
  EXPECT_EQ(vsctl({"migrate", "start", "web1", "--to", "node2", "--no-wait"}).out, "web1 to node2: check\n");
}

TEST_F(MigrateTest, StartTellsADoubtApart) {
  comes_to({handoff("web1", "finish", "InDoubt", "node2 does not answer")});
  const Finished run = vsctl({"migrate", "start", "web1", "--to", "node2"});
  EXPECT_EQ(run.exit, 65);
  EXPECT_NE(run.err.find("web1 is in doubt"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("`vsctl migrate resolve web1`: node2 does not answer\n"), std::string::npos) << run.err;
}

TEST_F(MigrateTest, StartLeavesWhatItCannotSeeAnyMore) {
  daemon_.refuses("GET /v1/migrations/" + kId, 503, {{"detail", "too many requests"}});
  const Finished run = vsctl({"migrate", "start", "web1", "--to", "node2"});
  EXPECT_EQ(run.exit, 6);
  EXPECT_NE(run.err.find("the handoff of web1 goes on without vsctl\n"), std::string::npos) << run.err;
}

TEST_F(MigrateTest, AnOrchestratorSaysWhen) {
  const json ready = with(handoff("web1", "transfer", "Running"), "waitsFor", "freeze");
  const json frozen = with(handoff("web1", "freeze", "Running"), "waitsFor", "commit");
  comes_to({handoff("web1", "prepare", "Running"), ready, handoff("web1", "freeze", "Running"), frozen, done("web1")});
  daemon_.answers("POST /v1/migrations/" + kId + ":freeze", accepted(ready));
  daemon_.answers("POST /v1/migrations/" + kId + ":commit", accepted(frozen));
  const Finished start = vsctl({"migrate", "start", "web1", "--to", "node2", "--manual"});
  EXPECT_EQ(start.exit, 0) << start.err;
  EXPECT_EQ(start.out, "web1 to node2: transfer, waits for freeze\n");
  EXPECT_EQ(body_of("POST /v1/migrations"), (json{{"domain", "web1"}, {"node", "node2"}, {"manual", true}}));
  EXPECT_EQ(vsctl({"migrate", "freeze", "web1"}).out, "web1 to node2: freeze, waits for commit\n");
  EXPECT_EQ(vsctl({"migrate", "commit", "web1"}).out, "web1 is served by node2, after 48 ms without service\n");
}

TEST_F(MigrateTest, FreezeEndsNegativeWhenItWasTooLate) {
  daemon_.answers("POST /v1/migrations/" + kId + ":freeze", accepted(handoff("web1", "freeze", "Running")));
  comes_to({handoff("web1", "freeze", "Cancelled", "it did not drain in time")});
  const Finished run = vsctl({"migrate", "freeze", kId});
  EXPECT_EQ(run.exit, 1);
  EXPECT_EQ(run.err, "vsctl: web1 stays here: it did not drain in time\n");
}

TEST_F(MigrateTest, CheckAnswersYesOrNo) {
  daemon_.answers("POST /v1/migrations?dryRun=true", json{{"domain", "web1"}, {"node", "node2"}, {"answer", "ok"}});
  daemon_.refuses("POST /v1/migrations?dryRun=true", 409, {{"detail", "node2 refuses: no room"}});
  daemon_.refuses("POST /v1/migrations?dryRun=true", 503, {{"detail", "node2 is not reached"}});
  EXPECT_EQ(vsctl({"migrate", "check", "web1", "--to", "node2"}).out, "web1 can go to node2\n");
  const Finished no = vsctl({"migrate", "check", "web1", "--to", "node2"});
  EXPECT_EQ(no.exit, 1);
  EXPECT_EQ(no.err, "vsctl: node2 refuses: no room\n");
  EXPECT_EQ(vsctl({"migrate", "check", "web1", "--to", "node2"}).exit, 6);
}

TEST_F(MigrateTest, WordsGoToTheOneOfTheDomainThatGoesOn) {
  daemon_.answers("POST /v1/migrations/" + kId + ":cancel", accepted(handoff("web1", "transfer", "Cancelled")));
  daemon_.refuses("POST /v1/migrations/" + kOld + ":cancel", 409, {{"detail", "it has ended; node2 owns the bindings"}});
  EXPECT_EQ(vsctl({"migrate", "cancel", "web1"}).out, "web1 stays here\n");
  const Finished late = vsctl({"migrate", "cancel", "web9"});
  EXPECT_EQ(late.exit, 4);
  EXPECT_EQ(late.err, "vsctl: it has ended; node2 owns the bindings\n");
  daemon_.refuses("GET /v1/migrations/nobody", 404, {{"detail", "migration \"nobody\": is not there"}});
  EXPECT_EQ(vsctl({"migrate", "cancel", "nobody"}).exit, 3);
  daemon_.answers("GET /v1/migrations/01234567", handoff("web1", "transfer", "Running"));
  EXPECT_EQ(vsctl({"migrate", "cancel", "01234567"}).exit, 0);
}

TEST_F(MigrateTest, ResolveMustBeSworn) {
  const std::string line = "POST /v1/migrations/" + kId + ":resolve";
  daemon_.answers(line, accepted(handoff("web1", "finish", "TakenBack")));
  const Finished unsworn = vsctl({"migrate", "resolve", "web1", "--word", "take-back"}, "y\n");
  EXPECT_EQ(unsworn.exit, 2);
  EXPECT_EQ(unsworn.err, "vsctl: give --yes to swear without a terminal that node2 is off, or serves nothing of web1; and nobody gave "
                         "web1 to it by `keep`\n");
  EXPECT_FALSE(was_asked(line));
  const Finished sworn = vsctl({"migrate", "resolve", "web1", "--word", "take-back", "--yes"});
  EXPECT_EQ(sworn.exit, 0) << sworn.err;
  EXPECT_EQ(sworn.out, "web1 is served here again, and not by node2\n");
  EXPECT_EQ(body_of(line), (json{{"word", "takeBack"}}));
  EXPECT_EQ(vsctl({"migrate", "resolve", "web1", "--word", "takeBack", "--yes"}).exit, 2);
}

// vsctl on a terminal of its own, where `typed` is typed.
Finished on_terminal(const std::vector<std::string>& command, const std::string& typed) {
  int master = -1;
  const pid_t pid = ::forkpty(&master, nullptr, nullptr, nullptr);
  if (pid == 0) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(125);
  }
  const UniqueFd terminal(master);
  EXPECT_EQ(::write(terminal.get(), typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
  Finished finished;
  std::array<char, 4096> piece{};
  for (ssize_t size = 0; (size = ::read(terminal.get(), piece.data(), piece.size())) > 0;)
    finished.out.append(piece.data(), static_cast<std::size_t>(size));
  int status = 0;
  ::waitpid(pid, &status, 0);
  finished.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

TEST_F(MigrateTest, ResolveAsksWhoeverCanAnswer) {
  const std::string line = "POST /v1/migrations/" + kId + ":resolve";
  daemon_.answers(line, accepted(handoff("web1", "finish", "TakenBack")));
  const std::vector<std::string> command{VS_VSCTL, "--socket", daemon_.socket_path(), "migrate", "resolve", "web1", "--word", "keep"};
  const Finished no = on_terminal(command, "\n");
  EXPECT_EQ(no.exit, 9) << no.out;
  EXPECT_NE(no.out.find("You swear that node2 is off for good, or did not take web1 back."), std::string::npos) << no.out;
  EXPECT_FALSE(was_asked(line));
  EXPECT_EQ(on_terminal(command, "y\n").exit, 0);
  EXPECT_EQ(body_of(line), (json{{"word", "keep"}}));
}

TEST_F(MigrateTest, StatusShowsAllOrOne) {
  const Finished all = vsctl({"migrate", "status"});
  EXPECT_NE(all.out.find("0123456789ab  web1    to node2   transfer  Running"), std::string::npos) << all.out;
  EXPECT_NE(vsctl({"migrate", "status", "web1"}).out.find("Domain:     web1 to node2\n"), std::string::npos);
  EXPECT_NE(vsctl({"migrate", "status", "web9"}).out.find("  web9-dns, epoch 3\n"), std::string::npos) << "the last, when none goes on";
  EXPECT_EQ(vsctl({"migrate", "status", "-o", "name"}).out, "migration/" + kId + "\nmigration/" + kOld + "\nmigration/" + kOld + "\n");
}

class DrainTest : public MigrateTest {
 protected:
  DrainTest() {
    daemon_.answers("GET /v1/nodes/node1", json{{"kind", "Node"}, {"metadata", {{"name", "node1"}}}});
    daemon_.answers("GET /v1/domains", list_of({domain("gone"), domain("web1"), domain("web2"), domain("web3")}));
    json elsewhere = binding("gone", "Pending");
    elsewhere["status"]["reason"] = "Elsewhere";
    daemon_.answers("GET /v1/bindings", list_of({elsewhere, binding("web1", "Bound")}));
    daemon_.answers("POST /v1/migrations?dryRun=true", json{{"answer", "ok"}});
  }
  std::vector<json> starts() const {
    std::vector<json> bodies;
    for (const Asked& asked : daemon_.asked())
      if (asked.line == "POST /v1/migrations") bodies.push_back(json::parse(asked.body));
    return bodies;
  }
};

TEST_F(DrainTest, RefusesAnotherNodeThanTheOneAtHand) {
  daemon_.refuses("GET /v1/nodes/node7", 404, {{"detail", "node \"node7\": this is \"node1\""}});
  const Finished run = vsctl({"drain", "node7", "--to", "node2"});
  EXPECT_EQ(run.exit, 3);
  EXPECT_EQ(run.err, "vsctl: node \"node7\": this is \"node1\"\n");
  EXPECT_EQ(vsctl({"drain", "node1", "--to", "node2,node1"}).exit, 2);
  for (const char* parallel : {"0", "65", "many"})
    EXPECT_EQ(vsctl({"drain", "node1", "--to", "node2", "--parallel", parallel}).exit, 2) << parallel;
  EXPECT_TRUE(starts().empty());
}

TEST_F(DrainTest, MovesAllToTheNodesInTurn) {
  comes_to({handoff("web1", "prepare", "Running"), done("web1")});
  const Finished run = vsctl({"drain", "node1", "--to", "node2,node3", "--parallel", "1"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_NE(run.out.find("\n3 of 3 domains have left node1\n"), std::string::npos) << run.out;
  EXPECT_EQ(starts(), (std::vector<json>{{{"domain", "web1"}, {"node", "node2"}},
                                         {{"domain", "web2"}, {"node", "node3"}},
                                         {{"domain", "web3"}, {"node", "node2"}}}))
      << "and not what another node serves already";
}

TEST_F(DrainTest, PassesOverNodesThatSayNoAndDomainsThatStay) {
  daemon_.refuses("POST /v1/migrations?dryRun=true", 409, {{"detail", "node3 has no room"}});   // web2 to node3
  daemon_.answers("POST /v1/migrations?dryRun=true", json{{"answer", "ok"}});                     // web2 to node2
  daemon_.refuses("POST /v1/migrations?dryRun=true", 409, {{"detail", "web3 is too large"}});   // web3, both
  comes_to({done("web1"), handoff("web2", "transfer", "Cancelled", "node2 went away")});
  const Finished run = vsctl({"drain", "node1", "--to", "node2,node3", "--parallel", "1"});
  EXPECT_EQ(run.exit, 1);
  EXPECT_EQ(run.out, "web1 is served by node2, after 48 ms without service\nweb2 stays here: node2 went away\n"
                     "web3 did not move: web3 is too large; web3 is too large\n1 of 3 domains have left node1\n");
  EXPECT_EQ(run.err, "vsctl: 2 of 3 domains did not move and are on node1\n");
  ASSERT_EQ(starts().size(), 2u);
  EXPECT_EQ(starts()[1], (json{{"domain", "web2"}, {"node", "node2"}}));
}

TEST_F(DrainTest, ADryRunOnlyAsks) {
  const Finished run = vsctl({"drain", "node1", "--to", "node2,node3", "--dry-run", "-o", "json"});
  EXPECT_EQ(run.exit, 0) << run.err;
  const json items = json::parse(run.out)["items"];
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[1]["node"], "node3");
  EXPECT_TRUE(starts().empty());
  daemon_.answers("GET /v1/domains?labelSelector=team%3Dweb", list_of({domain("web2")}));
  EXPECT_EQ(vsctl({"drain", "node1", "--to", "node2", "--dry-run", "-l", "team=web"}).out,
            "web2 would go to node2\n1 of 1 domains would leave node1\n");
}

TEST_F(DrainTest, BeginsNoMoreAfterCtrlC) {
  comes_to({done("web1"), handoff("web2", "transfer", "Running"), handoff("web2", "transfer", "Running")});
  Process run({VS_VSCTL, "--socket", daemon_.socket_path(), "drain", "node1", "--to", "node2", "--parallel", "1"});
  EXPECT_EQ(run.read_line(), "web1 is served by node2, after 48 ms without service\n");
  while (starts().size() < 2) std::this_thread::yield();
  ASSERT_EQ(::kill(run.pid(), SIGINT), 0);
  comes_to({done("web2")});
  const Finished finished = run.finish();
  EXPECT_EQ(finished.exit, 130);
  EXPECT_NE(finished.err.find("interrupted: 1 were not begun\n"), std::string::npos) << finished.err;
  EXPECT_EQ(starts().size(), 2u);
}

}  // namespace
}  // namespace vs::ctl::test
