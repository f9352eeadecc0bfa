// Operations, warnings, decisions, the audit and the node over REST.

#include <thread>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

class LogRoutes : public RestFixture {
 protected:
  Operation begin(bool cancellable = true) {
    auto operation = store_->operations().begin({.kind = "Test", .phase = "working", .cancellable = cancellable});
    EXPECT_TRUE(operation) << operation.error().message;
    return *operation;
  }
  json wait_for(const std::string& id) {
    for (;;) {
      const Response response = ask("GET", "/v1/operations/" + id + "/wait?timeout=20s");
      if (response.status != 202) return parsed(response);
    }
  }
};

using OperationRoutes = LogRoutes;

TEST_F(OperationRoutes, ShowPhaseAndProgress) {
  const Operation operation = begin();
  ASSERT_TRUE(store_->operations().progress(
      operation.id, {.phase = "copying", .done = 3, .total = 10, .unit = "pages", .cancellable = true}));
  const json shown = parsed(ask("GET", "/v1/operations/" + operation.id));
  EXPECT_EQ(shown["state"], "running");
  EXPECT_EQ(shown["phase"], "copying");
  EXPECT_EQ(shown["progress"], json::parse(R"({"done": 3, "total": 10, "unit": "pages"})"));
}

TEST_F(OperationRoutes, WaitingEndsWithTheOutcomeAlsoWhenItFailsMeanwhile) {
  const Operation operation = begin();
  std::thread work([&] {
    ASSERT_TRUE(store_->operations().finish(
        operation.id, {.state = Operation::State::failed, .reason = "Broken", .message = "it broke"}));
  });
  const json ended = wait_for(operation.id);
  work.join();
  EXPECT_EQ(ended["state"], "failed");
  EXPECT_EQ(ended["reason"], "Broken");
}

TEST_F(OperationRoutes, WaitingIsNever200BeforeTheOutcomeIsKnown) {
  const Operation operation = begin();
  const Response early = ask("GET", "/v1/operations/" + operation.id + "/wait?timeout=1ms");
  EXPECT_EQ(early.status, 202);
  EXPECT_EQ(parsed(early)["state"], "running");
  ASSERT_TRUE(store_->operations().finish(operation.id, {}));
  EXPECT_EQ(ask("GET", "/v1/operations/" + operation.id + "/wait?timeout=1ms").status, 200);
}

TEST_F(OperationRoutes, AreCancelledInEachPhaseBeforeTheLastOne) {
  const Operation operation = begin();
  EXPECT_EQ(ask("POST", "/v1/operations/" + operation.id + ":cancel").status, 202);
  EXPECT_TRUE(store_->operations().cancel_requested(operation.id));
  ASSERT_TRUE(store_->operations().finish(operation.id, {.state = Operation::State::cancelled}));
  EXPECT_EQ(parsed(ask("GET", "/v1/operations/" + operation.id))["state"], "cancelled");
}

TEST_F(OperationRoutes, SayThatItIsTooLateToCancel) {
  const Operation operation = begin(false);
  const json body = problem(ask("POST", "/v1/operations/" + operation.id + ":cancel"), 409);
  EXPECT_EQ(body["code"], "not_cancellable");
  ASSERT_TRUE(store_->operations().finish(operation.id, {}));
  EXPECT_EQ(ask("POST", "/v1/operations/" + operation.id + ":cancel").status, 409);
}

TEST_F(OperationRoutes, AreListedTheNewestFirstAPageAtATime) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(begin().id);
  std::vector<std::string> listed;
  std::string query = "?limit=2";
  for (;;) {
    const json page = parsed(ask("GET", "/v1/operations" + query));
    for (const json& item : page["items"]) listed.push_back(item["id"]);
    if (!page["metadata"].contains("continue")) break;
    query = "?limit=2&continue=" + page["metadata"]["continue"].get<std::string>();
  }
  EXPECT_EQ(listed, std::vector<std::string>(ids.rbegin(), ids.rend()));
}

TEST_F(OperationRoutes, AreNotFoundByAnyOtherName) {
  EXPECT_EQ(ask("GET", "/v1/operations/nothing").status, 404);
  EXPECT_EQ(ask("GET", "/v1/operations/nothing/wait").status, 404);
  EXPECT_EQ(ask("POST", "/v1/operations/nothing:cancel").status, 404);
  EXPECT_EQ(ask("POST", "/v1/operations/nothing:burn").status, 405);
}

using AdminRoutes = LogRoutes;

TEST_F(AdminRoutes, MakeABackupAsAnOperation) {
  const Response begun = ask("POST", "/v1/admin/backup");
  ASSERT_EQ(begun.status, 202) << begun.body;
  const std::string id = parsed(begun)["id"];
  EXPECT_EQ(header(begun, "Location"), "/v1/operations/" + id);
  const json ended = wait_for(id);
  EXPECT_EQ(ended["state"], "succeeded") << ended;
  const json backups = parsed(ask("GET", "/v1/admin/backups"));
  ASSERT_EQ(backups["items"].size(), 1U);
  EXPECT_EQ(backups["items"][0]["name"], ended["result"]["name"]);
}

TEST_F(AdminRoutes, ExamineTheDatabaseAsAnOperation) {
  const json ended = wait_for(parsed(ask("POST", "/v1/admin/doctor"))["id"]);
  EXPECT_EQ(ended["state"], "succeeded") << ended;
  EXPECT_EQ(ended["result"]["sound"], true) << ended;
}

TEST_F(AdminRoutes, DoOneBackupForOneKey) {
  const Response first = ask("POST", "/v1/admin/backup", nullptr, {{"idempotency-key", "b"}});
  const Response again = ask("POST", "/v1/admin/backup", nullptr, {{"idempotency-key", "b"}});
  EXPECT_EQ(parsed(again)["id"], parsed(first)["id"]);
  EXPECT_EQ(header(again, "Idempotency-Replayed"), "true");
  wait_for(parsed(first)["id"]);
}

TEST_F(AdminRoutes, TakeNoPath) {
  EXPECT_EQ(ask("POST", "/v1/admin/backup", {{"path", "/etc/shadow"}}).status, 400);
  EXPECT_EQ(ask("POST", "/v1/admin/backup?path=x").status, 400);
}

using WarningRoutes = LogRoutes;

TEST_F(WarningRoutes, ShowAndAcknowledge) {
  ASSERT_TRUE(store_->warnings().raise({.type = "BackendDown", .kind = "Service", .name = "dns", .message = "it is down"}));
  const json listed = parsed(ask("GET", "/v1/warnings"));
  ASSERT_EQ(listed["items"].size(), 1U);
  const std::string id = listed["items"][0]["id"];
  EXPECT_EQ(listed["items"][0]["status"], "new");
  const json acknowledged = parsed(ask("POST", "/v1/warnings/" + id + ":ack"));
  EXPECT_EQ(acknowledged["status"], "acknowledged");
  EXPECT_EQ(acknowledged["acknowledgedBy"], "uid:990");
  EXPECT_EQ(parsed(ask("GET", "/v1/warnings/" + id))["status"], "acknowledged");
  EXPECT_EQ(ask("POST", "/v1/warnings/nothing:ack").status, 404);
}

TEST_F(WarningRoutes, AreFilteredAndPaged) {
  for (const char* name : {"a", "b", "c"})
    ASSERT_TRUE(store_->warnings().raise({.type = "Test", .kind = "Service", .name = name, .message = "m"}));
  EXPECT_EQ(parsed(ask("GET", "/v1/warnings?filter=object.name%20eq%20'b'"))["items"].size(), 1U);
  const json first = parsed(ask("GET", "/v1/warnings?limit=2"));
  EXPECT_EQ(first["items"].size(), 2U);
  const std::string next = first["metadata"]["continue"];
  const json second = parsed(ask("GET", "/v1/warnings?limit=2&continue=" + next));
  EXPECT_EQ(second["items"].size(), 1U);
  EXPECT_FALSE(second["metadata"].contains("continue"));
}

using DecisionRoutes = LogRoutes;

TEST_F(DecisionRoutes, ShowWhatWasDecidedAndFromWhat) {
  put_all({{"/v1/domains/web1", domain("web1")}, {"/v1/services/dns", service("dns")},
           {"/v1/policies/p", policy("p", "deny")}, {"/v1/bindings/b", binding("b", "web1", "dns")}});
  const json shown = parsed(ask("GET", "/v1/bindings/b"));
  const std::int64_t id = shown["status"]["decision"]["id"];
  const json record = parsed(ask("GET", "/v1/decisions/" + std::to_string(id)));
  EXPECT_EQ(record["binding"], "b");
  EXPECT_EQ(record["domain"], "web1");
  EXPECT_EQ(record["decision"]["rule"], "deny-web1");
  const json listed = parsed(ask("GET", "/v1/decisions?binding=b"));
  EXPECT_EQ(listed["items"].back()["id"], id);
  EXPECT_EQ(ask("GET", "/v1/decisions/999999").status, 404);
  EXPECT_EQ(ask("GET", "/v1/decisions/x").status, 404);
}

using AuditRoutes = LogRoutes;

TEST_F(AuditRoutes, ListWhoChangedWhat) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const json listed = parsed(ask("GET", "/v1/audit?name=web1"));
  ASSERT_EQ(listed["items"].size(), 1U) << listed;
  EXPECT_EQ(listed["items"][0]["actor"]["principal"], "uid:990");
  EXPECT_EQ(listed["items"][0]["verb"], "create");
  EXPECT_EQ(parsed(ask("GET", "/v1/audit/verify"))["sound"], true);
}

using NodeRoutes = LogRoutes;

TEST_F(NodeRoutes, CountWhatIsDeclared) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const json listed = parsed(ask("GET", "/v1/nodes"));
  const json node = listed["items"].at(0);
  EXPECT_EQ(node["status"]["objects"]["domains"], 1);
  EXPECT_EQ(parsed(ask("GET", "/v1/nodes/" + node["metadata"]["name"].get<std::string>())), node);
  EXPECT_EQ(ask("GET", "/v1/nodes/elsewhere").status, 404);
}

using EventRoutes = LogRoutes;

TEST_F(EventRoutes, ListWhatHappenedWithWhoDidIt) {
  put_all({{"/v1/domains/web1", domain("web1")}});
  const json listed = parsed(ask("GET", "/v1/events?kind=Domain&type=domain.created"));
  ASSERT_EQ(listed["items"].size(), 1U) << listed;
  EXPECT_EQ(listed["items"][0]["name"], "web1");
  EXPECT_EQ(listed["items"][0]["actor"]["principal"], "uid:990");
  EXPECT_EQ(parsed(ask("GET", "/v1/events?type=domain"))["items"].size(), 1U) << "a family of types";
  EXPECT_EQ(parsed(ask("GET", "/v1/events?type=dom"))["items"].size(), 0U);
}

TEST_F(EventRoutes, GoOnFromANumber) {
  put_all({{"/v1/domains/a", domain("a")}, {"/v1/domains/b", domain("b")}});
  const json first = parsed(ask("GET", "/v1/events?since=0&limit=1"));
  EXPECT_EQ(first["metadata"]["more"], true);
  const std::int64_t next = first["metadata"]["next"];
  const json second = parsed(ask("GET", "/v1/events?since=" + std::to_string(next)));
  EXPECT_EQ(second["items"][0]["name"], "b");
}

TEST_F(EventRoutes, RefuseWhatIsNoNumber) {
  EXPECT_EQ(ask("GET", "/v1/events?since=yesterday").status, 400);
  EXPECT_EQ(ask("GET", "/v1/events?since=-1").status, 400);
}

TEST_F(EventRoutes, AnswerAStreamToWhoAsksForOne) {
  const Response response = ask("GET", "/v1/events", nullptr, {{"accept", "text/event-stream"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/event-stream");
  EXPECT_TRUE(response.stream);
}

}  // namespace
}  // namespace vs::http
