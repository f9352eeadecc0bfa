// The whole API as the daemon joins it: socket, routes, store, policies and metrics.

#include "vsmgrd/api/api.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/vsmgrd/api/raw_client.h"
#include "tests/temporary_directory.h"
#include "vsmgrd/metrics/metrics.h"
#include "vsmgrd/policy/engine.h"

namespace vs::http {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::open(directory_.path() / "state.db", clock_, decide_bindings);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    auto api = start();
    ASSERT_TRUE(api) << api.error().message;
    api_ = std::move(*api);
  }

  Result<std::unique_ptr<Api>> start() {
    ApiOptions options;
    options.server.socket_path = socket();
    ApiHooks hooks{.metrics_text =
                       [this] {
                         metrics_.set_samples("http", api_->samples());
                         return metrics_.text();
                       },
                   .on_request =
                       [this](std::string_view method, std::string_view route, int status,
                              std::chrono::nanoseconds duration) {
                         metrics_.count_request(method, route, status, duration);
                       }};
    return Api::start(options, *store_, clock_, std::move(hooks));
  }

  [[nodiscard]] std::filesystem::path socket() const { return directory_.path() / "api.sock"; }

  static std::string request(const std::string& method, const std::string& target,
                             const std::string& body = {}, const std::string& headers = {}) {
    std::string text = method + ' ' + target + " HTTP/1.1\r\nHost: vsmgrd\r\n" + headers;
    if (!body.empty())
      text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n";
    return text + "\r\n" + body;
  }
  static std::string domain(const std::string& name, const std::string& description) {
    return json{{"apiVersion", "vservices/v1"},
                {"kind", "Domain"},
                {"metadata", {{"name", name}}},
                {"spec", {{"description", description}}}}
        .dump();
  }

  test::TemporaryDirectory directory_;
  SystemClock clock_;
  Metrics metrics_{"test"};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Api> api_;
};

TEST_F(ApiTest, ServesAResourceOverTheSocket) {
  RawClient client(socket());
  const RawResponse created = client.ask(request("PUT", "/v1/domains/web1", domain("web1", "x")));
  EXPECT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("Location"), "/v1/domains/web1");
  const RawResponse got = client.ask(request("GET", "/v1/domains/web1"));
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.header("ETag"), created.header("ETag"));
  EXPECT_EQ(json::parse(got.body)["metadata"]["name"], "web1");
  client.send(request("HEAD", "/v1/domains/web1"));
  const RawResponse head = client.receive(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), std::to_string(got.body.size()));
  const RawResponse gone = client.ask(
      request("DELETE", "/v1/domains/web1", "", "If-Match: " + got.header("ETag") + "\r\n"));
  EXPECT_EQ(gone.status, 200) << gone.body;
}

TEST_F(ApiTest, SurvivesARestartOfTheServer) {
  ASSERT_EQ(RawClient(socket()).ask(request("PUT", "/v1/domains/a", domain("a", ""))).status, 201);
  api_->stop();
  EXPECT_FALSE(RawClient().connect(socket()));
  api_.reset();
  auto again = start();
  ASSERT_TRUE(again) << again.error().message;
  api_ = std::move(*again);
  EXPECT_EQ(RawClient(socket()).ask(request("GET", "/v1/domains/a")).status, 200);
}

TEST_F(ApiTest, SaysWhyItDoesNotStart) {
  auto second = start();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, HasSubstr("api.sock"));
  EXPECT_EQ(RawClient(socket()).ask(request("GET", "/healthz")).status, 200);
}

TEST_F(ApiTest, CountsRequestsAndLimitsInItsMetrics) {
  RawClient client(socket());
  client.ask(request("GET", "/v1/domains/none"));
  client.ask(request("GET", "/nowhere"));
  EXPECT_EQ(RawClient(socket()).ask("GET / HTTP/1.1\r\n\r\n").status, 400);
  const RawResponse response = client.ask(request("GET", "/metrics"));
  EXPECT_EQ(response.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  const std::string requests = "vservices_http_requests_total{code=\"404\",method=\"GET\",route=\"";
  EXPECT_THAT(response.body, HasSubstr(requests + "/v1/domains/{name}\"} 1\n"));
  EXPECT_THAT(response.body, HasSubstr(requests + "unmatched\"} 1\n"));
  EXPECT_THAT(response.body, HasSubstr("vservices_http_malformed_total 1\n"));
  EXPECT_THAT(response.body, HasSubstr("vservices_http_limits_total{limit=\"body_bytes\"} 0\n"));
  EXPECT_THAT(response.body, HasSubstr("vservices_build_info{version=\"test\"} 1\n"));
}

TEST_F(ApiTest, CountsTheRequestsInProgress) {
  RawClient client(socket());
  // The one that asks is the only one, as soon as those before it have ended.
  EXPECT_EQ(RawClient(socket()).ask("GET / HTTP/1.1\r\n\r\n").status, 400);
  const std::string alone = "vservices_http_requests_in_progress 1\n";
  while (client.ask(request("GET", "/metrics")).body.find(alone) == std::string::npos)
    std::this_thread::yield();
}

TEST_F(ApiTest, RefusesALongBodyBeforeAnyoneReadsIt) {
  const RawResponse response = RawClient(socket()).ask(
      "POST /v1/explain HTTP/1.1\r\nHost: vsmgrd\r\nContent-Length: 1048577\r\n\r\n");
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(RawClient(socket()).ask(request("GET", "/healthz")).status, 200);
}

TEST_F(ApiTest, RefusesAPolicyOfMoreThanOneMebibyteAndSaysHowMuchIsAllowed) {
  for (const char* request :
       {"PUT /v1/policies/p HTTP/1.1\r\nHost: vsmgrd\r\nContent-Type: application/yaml\r\nContent-Length: 1048577\r\n\r\n",
        "POST /v1/policies:lint HTTP/1.1\r\nHost: vsmgrd\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n"}) {
    const RawResponse response = RawClient(socket()).ask(request);
    EXPECT_EQ(response.status, 413) << request;
    EXPECT_THAT(response.body, HasSubstr("body longer than 1048576 bytes"));
  }
}

// Each adds one to a number, again until nobody else did meanwhile: none may be lost.
TEST_F(ApiTest, LosesNoUpdateOfManyWriters) {
  constexpr int kWriters = 4;
  constexpr int kUpdates = 10;
  ASSERT_EQ(RawClient(socket()).ask(request("PUT", "/v1/domains/n", domain("n", "0"))).status, 201);
  std::atomic<int> wrong{0};
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&] {
      RawClient client(socket());
      for (int done = 0; done < kUpdates;) {
        const RawResponse got = client.ask(request("GET", "/v1/domains/n"));
        const json shown = json::parse(got.body, nullptr, false);
        if (got.status != 200 || shown.is_discarded()) {
          ++wrong;
          return;
        }
        const int next = std::stoi(shown["spec"]["description"].get<std::string>()) + 1;
        const RawResponse put =
            client.ask(request("PUT", "/v1/domains/n", domain("n", std::to_string(next)),
                               "If-Match: " + got.header("ETag") + "\r\n"));
        if (put.status == 200)
          ++done;
        else if (put.status != 412)
          ++wrong;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(wrong, 0);
  const json last =
      json::parse(RawClient(socket()).ask(request("GET", "/v1/domains/n")).body, nullptr, false);
  EXPECT_EQ(last["spec"]["description"], std::to_string(kWriters * kUpdates));
}

}  // namespace
}  // namespace vs::http
