// Authorisation, routing and the errors that are the same for every route, without any socket.

#include "vsmgrd/api/dispatcher.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "vsmgrd/api/problem_details.h"
#include "tests/fakes/clock.h"

namespace vs::http {
namespace {

using namespace std::chrono_literals;

constexpr uid_t kOwner = 990;
constexpr Peer kRoot{0, 0, 1};
constexpr Peer kDaemon{kOwner, 1, 1};
constexpr Peer kOther{1000, 1000, 1};

struct Seen {
  std::string method;
  std::string route;
  int status;
  std::chrono::nanoseconds duration;
  friend bool operator==(const Seen&, const Seen&) = default;
};

class DispatcherTest : public ::testing::Test {
 protected:
  static Router router(test::ManualClock& clock) {
    const auto say = [&clock](const Call& call) {
      clock.advance(7ms);
      return Response{.body = std::string(call.name) + (call.dry_run ? "?" : "!")};
    };
    Router router;
    router.add({.method = "GET", .path = "/things", .handle = say, .needs = Role::viewer});
    router.add({.method = "GET", .path = "/things/{name}", .handle = say, .needs = Role::viewer});
    router.add({.method = "PUT",
                .path = "/things/{name}",
                .handle = say,
                .takes_body = true,
                .writes = true,
                .needs = Role::operator_});
    router.add({.method = "POST",
                .path = "/ask",
                .handle = say,
                .takes_body = true,
                .needs = Role::viewer});
    router.add({.method = "GET",
                .path = "/throw",
                .handle = [](const Call&) -> Response { throw std::runtime_error("secret"); },
                .needs = Role::viewer});
    router.add({.method = "GET", .path = "/forgotten", .handle = say});
    return router;
  }

  Response handle(const std::string& method, const std::string& target,
                  std::optional<Peer> peer = kRoot, const std::string& body = {},
                  const std::string& type = "application/json") {
    Request request{.method = method, .target = target, .body = body, .origin = {.peer = peer}};
    if (!body.empty()) request.headers["content-type"] = type;
    return dispatcher_.handle(std::move(request));
  }
  static nlohmann::json problem(const Response& response) {
    EXPECT_EQ(response.content_type, "application/problem+json");
    return nlohmann::json::parse(response.body);
  }
  static std::string header(const Response& response, std::string_view name) {
    for (const auto& [known, value] : response.headers)
      if (known == name) return value;
    return {};
  }

  test::ManualClock clock_;
  std::vector<Seen> seen_;
  Access access_{kOwner, {}, {}, clock_};
  Dispatcher dispatcher_{
      router(clock_), access_, clock_,
      [this](std::string_view method, std::string_view route, int status,
             std::chrono::nanoseconds duration) {
        seen_.push_back({std::string(method), std::string(route), status, duration});
      }};
};

TEST_F(DispatcherTest, CallsTheRouteWithItsName) {
  EXPECT_EQ(handle("GET", "/things/web1").body, "web1!");
  EXPECT_EQ(handle("GET", "/things").body, "!");
  EXPECT_EQ(handle("PUT", "/things/web1?dryRun=true", kRoot, "{}").body, "web1?");
  EXPECT_EQ(handle("PUT", "/things/web1?dryRun=false", kRoot, "{}").body, "web1!");
}

TEST_F(DispatcherTest, AnswersHeadAsGet) { EXPECT_EQ(handle("HEAD", "/things/a").status, 200); }

TEST_F(DispatcherTest, ReportsEachRequestByItsTemplate) {
  handle("GET", "/things/web1");
  handle("HEAD", "/things/web2");
  handle("GET", "/nothing/here");
  handle("BREW", "/things/web1");
  handle("PUT", "/things/web1", kOther, "{}");
  const std::vector<Seen> expected{{"GET", "/things/{name}", 200, 7ms},
                                   {"HEAD", "/things/{name}", 200, 7ms},
                                   {"GET", "unmatched", 404, 0ms},
                                   {"other", "/things/{name}", 405, 0ms},
                                   {"PUT", "/things/{name}", 403, 0ms}};
  EXPECT_EQ(seen_, expected);
}

TEST_F(DispatcherTest, EchoesOrMakesTheRequestId) {
  const Response made = handle("GET", "/things");
  EXPECT_EQ(header(made, "X-Request-Id").size(), 32u);
  const Response given = dispatcher_.handle(
      {.method = "GET", .target = "/none", .headers = {{"x-request-id", "mine-1"}},
       .origin = {.peer = kRoot}});
  EXPECT_EQ(header(given, "X-Request-Id"), "mine-1");
  EXPECT_EQ(problem(given)["requestId"], "mine-1");
}

TEST_F(DispatcherTest, RefusesUnknownPaths) {
  for (const std::string path : {"/", "/thing", "/things/", "/things/a/b", "//things", "/things//",
                                 "/%74hings/a/..", "/{name}"})
    EXPECT_EQ(problem(handle("GET", path))["code"], "not_found") << path;
  EXPECT_EQ(handle("GET", "/%74hings/a").status, 200) << "an escaped letter is that letter";
}

TEST_F(DispatcherTest, RefusesOtherMethodsAndSaysWhichThereAre) {
  const Response response = handle("DELETE", "/things/a");
  EXPECT_EQ(problem(response)["status"], 405);
  EXPECT_EQ(header(response, "Allow"), "GET, HEAD, PUT");
  EXPECT_EQ(handle("get", "/things/a").status, 405) << "methods have a case";
}

TEST_F(DispatcherTest, RefusesUnknownParameters) {
  EXPECT_EQ(handle("GET", "/things?limit=3").status, 400);
  EXPECT_EQ(handle("GET", "/things?dryRun=true").status, 400) << "not a write";
  EXPECT_EQ(handle("PUT", "/things/a?dryrun=true", kRoot, "{}").status, 400);
  EXPECT_EQ(handle("PUT", "/things/a?dryRun=yes", kRoot, "{}").status, 400);
  EXPECT_EQ(handle("PUT", "/things/a?dryRun=true&dryRun=false", kRoot, "{}").status, 400);
}

TEST_F(DispatcherTest, RefusesBadTargets) {
  EXPECT_EQ(problem(handle("GET", "/things/%zz"))["code"], "invalid");
}

TEST_F(DispatcherTest, WantsJsonWhereItTakesABody) {
  EXPECT_EQ(handle("PUT", "/things/a", kRoot, "{}", "text/plain").status, 415);
  EXPECT_EQ(handle("PUT", "/things/a", kRoot, "{}", "application/jsonx").status, 415);
  EXPECT_EQ(handle("PUT", "/things/a").status, 415) << "no body and no type";
  EXPECT_EQ(handle("PUT", "/things/a", kRoot, "{}", "Application/JSON; charset=utf-8").status, 200);
}

TEST_F(DispatcherTest, WantsNoBodyElsewhere) {
  EXPECT_EQ(handle("GET", "/things", kRoot, "{}").status, 400);
}

TEST_F(DispatcherTest, TellsNothingOfAHandlersException) {
  const Response response = handle("GET", "/throw");
  EXPECT_EQ(problem(response)["code"], "internal");
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  EXPECT_EQ(seen_.back().route, "/throw");
}

TEST_F(DispatcherTest, LogsEveryChangeWithItsClient) {
  ::testing::internal::CaptureStderr();
  handle("PUT", "/things/a", kDaemon, "{}");
  handle("PUT", "/things/b", kOther, "{}");
  handle("POST", "/ask", kRoot, "{}");
  handle("GET", "/things/c");
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("info api.changed who=uid:990 channel=unix method=PUT path=/things/a status=200"),
            std::string::npos)
      << log;
  EXPECT_NE(log.find("info api.changed who=uid:1000 channel=unix method=PUT path=/things/b status=403"),
            std::string::npos)
      << log;
  EXPECT_EQ(log.find("/ask"), std::string::npos) << "a question changes nothing";
  EXPECT_EQ(log.find("/things/c"), std::string::npos);
}

TEST_F(DispatcherTest, OpensARouteThatNamesNoRoleToNobody) {
  EXPECT_EQ(problem(handle("GET", "/forgotten"))["status"], 403);
}

TEST_F(DispatcherTest, JudgesTheRoleBeforeTheRequest) {
  EXPECT_EQ(handle("PUT", "/things/a?nonsense=1", kOther, "{", "text/plain").status, 403);
  EXPECT_EQ(problem(handle("PUT", "/things/a", kOther, "{}"))["detail"],
            "PUT /things/{name} needs role operator; uid:1000 has role viewer");
}

TEST_F(DispatcherTest, TellsNobodyUnknownWhatThereIs) {
  for (const std::string path : {"/things", "/nothing/here"})
    EXPECT_EQ(problem(handle("GET", path, std::nullopt))["code"], "denied") << path;
}

TEST(ProblemDetails, MapEachKindOnce) {
  EXPECT_EQ(http_status(ErrorCode::invalid), 400);
  EXPECT_EQ(http_status(ErrorCode::denied), 403);
  EXPECT_EQ(http_status(ErrorCode::not_found), 404);
  EXPECT_EQ(http_status(ErrorCode::conflict), 409);
  EXPECT_EQ(http_status(ErrorCode::exhausted), 429);
  EXPECT_EQ(http_status(ErrorCode::unavailable), 503);
  EXPECT_EQ(http_status(ErrorCode::internal), 500);
}

TEST(ProblemDetails, TellAFullDiskFromAHurry) {
  EXPECT_EQ(write_status(ErrorCode::exhausted), 507);
  EXPECT_EQ(write_status(ErrorCode::unavailable), 503);
  EXPECT_EQ(write_status(ErrorCode::conflict), 409);
}

TEST(ProblemDetails, ListEveryFaultWithItsPlace) {
  const Response response = problem_response(
      {400,
       ErrorCode::invalid,
       "two faults",
       {{"/spec/x", "unknown member \"x\"", "did you mean \"y\"?", Source{"a.yaml", 4, 7}},
        {"/kind", "is missing"}}},
      "id-1");
  EXPECT_EQ(nlohmann::json::parse(response.body), nlohmann::json::parse(R"({
    "type": "urn:vservices:problem:invalid", "title": "Bad Request", "status": 400,
    "code": "invalid", "detail": "two faults", "requestId": "id-1", "errors": [
      {"pointer": "/spec/x", "message": "unknown member \"x\"", "hint": "did you mean \"y\"?",
       "source": {"file": "a.yaml", "line": 4, "column": 7}},
      {"pointer": "/kind", "message": "is missing"}]})"));
}

}  // namespace
}  // namespace vs::http
