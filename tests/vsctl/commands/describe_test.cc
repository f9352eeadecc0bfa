#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

class DescribeTest : public CliTest {
 protected:
  DescribeTest() {
    daemon_.answers("GET /v1/domains/web1?live=true", domain("web1"), "\"7\"");
    daemon_.answers("GET /v1/bindings/web2-dns?live=true", binding("web2", "Denied"), "\"7\"");
    daemon_.answers("GET /v1/bindings",
                    list_of({binding("web1", "Ready"), binding("web2", "Denied")}));
  }
};

TEST_F(DescribeTest, ShowsADomainAndItsBindings) {
  const Finished run = vsctl({"describe", "domain", "web1"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, R"(Name:              web1
Kind:              Domain
UID:               6f2a2c5e-0000-4000-8000-000000000001
Generation:        2
Resource version:  7
Created:           2026-01-02T03:04:05.678Z
Updated:           2026-01-02T03:04:06.000Z
Declared at:       demo.yaml:4:1
Labels:
  team: web
Spec:
  description: Front end
  type: sandbox
Status:
  observedGeneration: 2
  socketDirectory: /run/vservices/domains/web1
  state: Ready
Bindings:
  NAME      DOMAIN  SERVICE  STATE
  web1-dns  web1    dns      Ready
)");
}

TEST_F(DescribeTest, ShowsABindingAndWhatDecided) {
  const Finished run = vsctl({"describe", "binding", "web2-dns"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_NE(
      run.out.find(
          "Decision:\n  denied by demo-dns/deny-web2 (demo.yaml:36:7): web2 resolves nothing\n"),
      std::string::npos)
      << run.out;
  EXPECT_NE(run.out.find("  refusedOpens: 3\n"), std::string::npos) << run.out;
  EXPECT_EQ(daemon_.lines(), std::vector<std::string>{"GET /v1/bindings/web2-dns?live=true"});
}

TEST_F(DescribeTest, ShowsWhatABindingDoesNow) {
  json busy = binding("web1", "Bound");
  busy["status"]["live"] = json::parse(R"({
    "sessions": {"live": 2, "opened": 5, "throttled": 1}, "requests": 1234,
    "answers": {"ok": 1230, "exhausted": 4},
    "latency": {
      "queue": {"count": 1234, "p50Us": 0.9, "p90Us": 2, "p99Us": 13.25, "p999Us": 800, "maxUs": 1500},
      "service": {"count": 1234, "p50Us": 64, "p90Us": 128, "p99Us": 999.96, "p999Us": 5e5, "maxUs": 2.5e6},
      "total": {"count": 1234}},
    "rings": {"requestBytesWaiting": 96, "requestBytes": 65536,
              "responseBytesWaiting": 1536, "responseBytes": 524288},
    "doorbells": {"received": 7, "inVain": 1, "pauses": 0, "sent": 8, "suppressed": 9},
    "refusals": {"policy": 0, "limit": 1, "memory": 0, "handshake": 2},
    "requestsHeld": 3, "requestsThrottled": 4, "domainMemoryBytes": 638976, "cpuMs": 17.25,
    "broken": {"byReason": {"length": 2}, "last": {"reason": "length", "secondsAgo": 12.5}},
    "handoff": {"epoch": 3, "frozen": true, "freezes": 2, "drained": 7, "undrained": 1},
    "loop": 1})");
  daemon_.answers("GET /v1/bindings/web1-dns?live=true", busy, "\"7\"");
  const Finished run = vsctl({"describe", "binding", "web1-dns"});
  EXPECT_EQ(run.exit, 0) << run.err;
  const auto now = run.out.find("Now:\n");
  ASSERT_NE(now, std::string::npos) << run.out;
  EXPECT_EQ(run.out.substr(now), R"(Now:
  Sessions:         2 live (1 throttled), 5 opened
  Requests:         1234; held 3 times, throttled 4 times
  Answers:          exhausted 4, ok 1230
  Request rings:    96 B of 64 KiB
  Response rings:   1.5 KiB of 512 KiB
  Doorbells:        received 7 (in vain 1, pauses 0), sent 8, suppressed 9
  Refused opens:    handshake 2, limit 1, memory 0, policy 0
  Broken sessions:  length 2; the last one 12.5 s ago: length
  Domain memory:    624 KiB
  Service time:     17.2 ms, on loop 1
  Handoff:          epoch 3, frozen now, frozen 2 times, 7 requests drained, 1 not
  LATENCY  COUNT  P50     P90     P99      P99.9   MAX
  queue    1234   0.9 us  2 us    13.2 us  800 us  1.5 ms
  service  1234   64 us   128 us  1000 us  500 ms  2.5 s
  total    1234   0 us    0 us    0 us     0 us    0 us
)");
}

TEST_F(DescribeTest, ShowsAllOfItInJson) {
  json expected = domain("web1");
  expected["bindings"] = json::array({binding("web1", "Ready")});
  EXPECT_EQ(json::parse(vsctl({"describe", "domain", "web1", "-o", "json"}).out), expected);
  EXPECT_EQ(json::parse(vsctl({"describe", "binding", "web2-dns", "-o", "json"}).out),
            binding("web2", "Denied"));
}

TEST_F(DescribeTest, CanBeAskedInYaml) {
  const Finished run = vsctl({"describe", "domain", "web1", "-o", "yaml"});
  EXPECT_EQ(run.exit, 0);
  EXPECT_TRUE(
      run.out.starts_with("apiVersion: vservices/v1\nbindings:\n  - apiVersion: vservices/v1\n"))
      << run.out;
}

TEST_F(DescribeTest, SaysWhatIsNotThere) {
  EXPECT_EQ(vsctl({"describe", "domain", "web9"}).exit, 3);
  EXPECT_EQ(vsctl({"describe", "domain", ""}).exit, 2);
}

}  // namespace
}  // namespace vs::ctl::test
