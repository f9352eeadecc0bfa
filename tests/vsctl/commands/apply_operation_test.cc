// An apply that the daemon does as an operation.
#include <algorithm>
#include <csignal>
#include <thread>

#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

constexpr const char* kWait = "GET /v1/operations/op-1/wait?timeout=250ms";
constexpr const char* kCancel = "POST /v1/operations/op-1:cancel";

class ApplyOperationTest : public CliTest {
 protected:
  void SetUp() override {
    daemon_.answers("POST /v1/apply", Answer{.status = 202, .body = R"({"id":"op-1","kind":"Apply","state":"running"})"});
  }
  static json operation(const std::string& state, const json& result = json::object()) {
    return {{"id", "op-1"},   {"kind", "Apply"},
            {"state", state}, {"phase", "writing"},
            {"progress", {{"done", 128}, {"total", 300}, {"unit", "rows"}}},
            {"message", state == "cancelled" ? "nothing was changed" : ""},
            {"result", result}};
  }
  [[nodiscard]] bool asked(const std::string& line) const {
    const auto lines = daemon_.lines();
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
  // Of an apply that goes on, interrupted; then `end` is how it ends.
  Finished interrupted(const json& end) {
    daemon_.answers(kWait, operation("running"));
    Process run({VS_VSCTL, "--socket", daemon_.socket_path(), "apply", "-f", file_});
    while (!asked(kWait)) std::this_thread::yield();
    EXPECT_EQ(::kill(run.pid(), SIGINT), 0);
    while (!asked(kCancel)) std::this_thread::yield();
    daemon_.answers(kWait, end);
    return run.finish();
  }

  const json kDone{{"changes", {{{"kind", "Domain"}, {"name", "web1"}, {"action", "created"}}}},
                   {"decisionsChanged", json::array()},
                   {"resourceVersion", 12}};
  const std::string file_ = directory_.write("demo.yaml", "kind: Domain\n");
};

TEST_F(ApplyOperationTest, IsWaitedForAndToldAsIfItHadBeenDoneAtOnce) {
  daemon_.answers(kWait, operation("running"));
  daemon_.answers(kWait, operation("succeeded", kDone));
  const Finished run = vsctl({"apply", "-f", file_});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "domain/web1 created\n");
  EXPECT_EQ(run.err, "") << "progress is for terminals";
}

TEST_F(ApplyOperationTest, ThatIsRefusedEndsAsIfItHadBeenRefusedAtOnce) {
  const json problem{{"status", 400},
                     {"detail", "1 problem"},
                     {"errors", {{{"pointer", "/spec"}, {"message", "is wrong"}, {"source", {{"file", "demo.yaml"}, {"line", 3}, {"column", 9}}}}}}};
  daemon_.answers(kWait, operation("failed", {{"problem", problem}}));
  const Finished run = vsctl({"apply", "-f", file_});
  EXPECT_EQ(run.exit, 2);
  EXPECT_NE(run.err.find("demo.yaml:3:9"), std::string::npos) << run.err;
}

TEST_F(ApplyOperationTest, ThatFailsIsNoSuccess) {
  daemon_.answers(kWait, operation("failed"));
  EXPECT_EQ(vsctl({"apply", "-f", file_}).exit, 8);
}

TEST_F(ApplyOperationTest, GoesOnWhenTheTimeIsUp) {
  daemon_.answers(kWait, operation("running"));
  const Finished run = vsctl({"apply", "-f", file_, "--timeout", "100ms"});
  EXPECT_EQ(run.exit, 7);
  EXPECT_NE(run.err.find("vsctl op wait op-1"), std::string::npos) << run.err;
}

TEST_F(ApplyOperationTest, IsCancelledByCtrlC) {
  daemon_.answers(kCancel, Answer{.status = 202, .body = operation("cancelling").dump()});
  const Finished run = interrupted(operation("cancelled"));
  EXPECT_EQ(run.exit, 9);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err,
            "vsctl: operation op-1 was asked to stop\n"
            "vsctl: operation op-1 was cancelled: nothing was changed\n");
}

TEST_F(ApplyOperationTest, ThatCommitsAllTheSameSaysSo) {
  daemon_.refuses(kCancel, 409, {{"code", "not_cancellable"}, {"detail", "operation \"op-1\" can no longer be cancelled"}});
  const Finished run = interrupted(operation("succeeded", kDone));
  EXPECT_EQ(run.exit, 130);
  EXPECT_EQ(run.out, "domain/web1 created\n");
  EXPECT_NE(run.err.find("can no longer be cancelled"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("it was committed"), std::string::npos) << run.err;
}

TEST_F(ApplyOperationTest, ThatChangedTooMuchToBeListedSaysSo) {
  daemon_.answers(kWait, operation("succeeded", {{"omitted", true}}));
  const Finished run = vsctl({"apply", "-f", file_});
  EXPECT_EQ(run.exit, 0);
  EXPECT_EQ(run.err, "vsctl: operation op-1 succeeded, and changed too much to be listed\n");
}

TEST_F(ApplyOperationTest, ABackupIsCancelledByCtrlCToo) {
  daemon_.answers("POST /v1/admin/backup", Answer{.status = 202, .body = R"({"id":"op-1","kind":"Backup","state":"running"})"});
  daemon_.answers(kCancel, Answer{.status = 202, .body = operation("cancelling").dump()});
  daemon_.answers(kWait, operation("running"));
  Process run({VS_VSCTL, "--socket", daemon_.socket_path(), "admin", "backup"});
  while (!asked(kWait)) std::this_thread::yield();
  ASSERT_EQ(::kill(run.pid(), SIGINT), 0);
  while (!asked(kCancel)) std::this_thread::yield();
  daemon_.answers(kWait, operation("cancelled"));
  EXPECT_EQ(run.finish().exit, 9);
}

}  // namespace
}  // namespace vs::ctl::test
