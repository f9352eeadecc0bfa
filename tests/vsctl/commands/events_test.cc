#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

std::string sent(int id, const std::string& type, const json& data) {
  return "id: " + std::to_string(id) + "\nevent: " + type + "\ndata: " + data.dump() + "\n\n";
}

json bound(const std::string& name) {
  return {{"type", "binding.bound"}, {"kind", "Binding"}, {"name", name}, {"message", "served"}};
}

class EventsTest : public CliTest {
 protected:
  // An answer that ends, as a daemon does that restarts.
  void streams(const std::string& line, const std::string& body) {
    daemon_.answers(line, Answer{.body = body, .content_type = "text/event-stream"});
  }
  // Follows until the daemon refuses: what stands there is the end of the test.
  void ends(const std::string& line) { daemon_.refuses(line, 400, {{"detail", "the end"}}); }
};

TEST_F(EventsTest, FollowingGoesOnAfterTheLastEventWhenTheConnectionBreaks) {
  streams("GET /v1/events?since=5", sent(6, "binding.bound", bound("a")) + sent(7, "binding.bound", bound("b")));
  streams("GET /v1/events?since=7", ": heartbeat\n\n" + sent(8, "binding.bound", bound("c")));
  ends("GET /v1/events?since=8");
  const Finished run = vsctl({"events", "--follow", "--since", "5", "-o", "json", "-q"});
  EXPECT_EQ(run.exit, 2);
  EXPECT_EQ(run.err, "vsctl: the end\n");
  std::istringstream lines(run.out);
  std::string names;
  for (std::string line; std::getline(lines, line);) names += json::parse(line)["name"].get<std::string>();
  EXPECT_EQ(names, "abc");
}

TEST_F(EventsTest, SaysThatEventsAreNoLongerKept) {
  daemon_.refuses("GET /v1/events?since=1", 410, {{"detail", "events after 1 have been trimmed: list anew"}});
  EXPECT_EQ(vsctl({"events", "--follow", "--since", "1"}).exit, 3);
  streams("GET /v1/events?since=2", sent(9, "gone", json::object()));
  EXPECT_EQ(vsctl({"events", "--follow", "--since", "2"}).exit, 3);
}

TEST_F(EventsTest, WatchListsFirstAndThenShowsWhatChanges) {
  json list = list_of({binding("web1", "Pending")});
  list["metadata"]["eventId"] = 41;
  daemon_.answers("GET /v1/bindings", list);
  streams("GET /v1/events?since=41&kind=Binding",
          sent(42, "binding.bound", bound("web1-dns")) + sent(43, "binding.deleted", bound("web9-dns")));
  ends("GET /v1/events?since=43&kind=Binding");
  daemon_.answers("GET /v1/bindings/web1-dns", binding("web1", "Bound"));
  const Finished run = vsctl({"watch", "bindings", "-o", "json", "-q"});
  std::istringstream lines(run.out);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(json::parse(line)["status"]["state"], "Pending");
  std::getline(lines, line);
  EXPECT_EQ(json::parse(line)["status"]["state"], "Bound");
  std::getline(lines, line);
  EXPECT_EQ(json::parse(line)["deleted"], true);
  EXPECT_EQ(json::parse(line)["metadata"]["name"], "web9-dns");
}

TEST_F(EventsTest, FollowingHasEveryFormOfALine) {
  json event = bound("a");
  event["id"] = 6;
  event["at"] = "2026-01-02T03:04:05.000Z";
  const auto followed = [&](const char* format) {
    FakeDaemon daemon(directory_.path() + "/" + format + ".sock");
    daemon.answers("GET /v1/events?since=5", Answer{.body = sent(6, "binding.bound", event), .content_type = "text/event-stream"});
    daemon.refuses("GET /v1/events?since=6", 400, {{"detail", "the end"}});
    return run_process({VS_VSCTL, "--socket", daemon.socket_path(), "events", "--follow", "--since", "5", "-q", "-o", format}).out;
  };
  EXPECT_EQ(followed("csv").substr(0, 41), "6,2026-01-02T03:04:05.000Z,binding.bound,");
  EXPECT_EQ(followed("name"), "Event/6\n");
  EXPECT_EQ(followed("yaml").substr(0, 33), "---\nat: \"2026-01-02T03:04:05.000Z");
}

TEST_F(EventsTest, WatchTellsOfAnEndInYamlAsADocument) {
  json list = list_of({});
  list["metadata"]["eventId"] = 41;
  daemon_.answers("GET /v1/bindings", list);
  streams("GET /v1/events?since=41&kind=Binding", sent(43, "binding.deleted", bound("web9-dns")));
  ends("GET /v1/events?since=43&kind=Binding");
  EXPECT_EQ(vsctl({"watch", "bindings", "-o", "yaml", "-q"}).out,
            "---\ndeleted: true\nkind: Binding\nmetadata:\n  name: web9-dns\n");
}

}  // namespace
}  // namespace vs::ctl::test
