// All routes over a real store in a file of its own and the real policy code, without any socket.
#pragma once

#include <future>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "tests/vsmgrd/api/openapi_check.h"
#include "tests/temporary_directory.h"
#include "vsmgrd/api/dispatcher.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/policy/engine.h"
#include "vsmgrd/store/store.h"

namespace vs::http {

class RestFixture : public ::testing::Test {
 protected:
  using Headers = std::initializer_list<std::pair<const std::string, std::string>>;
  using json = nlohmann::json;

  void open_store(const std::filesystem::path& file) {
    dispatcher_.reset();
    background_.reset();
    store_.reset();
    auto store = Store::open(file, clock_, decide_bindings);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    background_ = std::make_unique<Background>(*store_);
    dispatcher_ = std::make_unique<Dispatcher>(
        make_router(*store_, *background_, [] { return "x_total 1\n"; }), access_, clock_, nullptr);
  }
  void SetUp() override { open_store(directory_.path() / "state.db"); }

  Response ask(const std::string& method, const std::string& target, const json& body = nullptr,
               Headers headers = {}) {
    return ask_text(method, target, body.is_null() ? "" : body.dump(), headers);
  }
  Response ask_text(const std::string& method, const std::string& target, const std::string& body,
                    Headers headers = {}) {
    Request request{.method = method, .target = target, .body = body, .origin = {.peer = Peer{kOwner, 0, 1}}};
    for (const auto& [name, value] : headers) request.headers.emplace(name, value);
    if (!body.empty())
      request.headers.emplace("content-type", method == "PATCH" ? "application/merge-patch+json"
                                                                : "application/json");
    Response response = answered(dispatcher_->handle(std::move(request)));
    EXPECT_EQ(OpenApiCheck::shared().faults(method, target, response), "")
        << method << ' ' << target << ": " << response.status << ' ' << response.body;
    return response;
  }

  // What is answered, if need be later.
  static Response answered(Response response) {
    if (!response.later) return response;
    std::promise<Response> promise;
    auto future = promise.get_future();
    std::exchange(response.later, nullptr)(
        [&](Response known) { promise.set_value(std::move(known)); });
    return future.get();
  }

  static std::string header(const Response& response, std::string_view name) {
    for (const auto& [known, value] : response.headers)
      if (known == name) return value;
    return {};
  }
  static json parsed(const Response& response) {
    return json::parse(response.body, nullptr, false);
  }
  // The problem's JSON; fails the test when the response is something else.
  static json problem(const Response& response, int status) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.content_type, "application/problem+json");
    return parsed(response);
  }
  std::string etag_of(const std::string& path) { return header(ask("GET", path), "ETag"); }

  static json domain(const std::string& name, const std::string& description = "") {
    return {{"apiVersion", "vservices/v1"},
            {"kind", "Domain"},
            {"metadata", {{"name", name}}},
            {"spec", {{"type", "sandbox"}, {"description", description}}}};
  }
  static json service(const std::string& name) {
    return {{"apiVersion", "vservices/v1"},
            {"kind", "Service"},
            {"metadata", {{"name", name}}},
            {"spec", {{"kind", "dns"}, {"parameters", {{"nameservers", {"127.0.0.1:5300"}}}}}}};
  }
  static json policy(const std::string& name, const std::string& effect) {
    return {{"apiVersion", "vservices/v1"},
            {"kind", "AccessPolicy"},
            {"metadata", {{"name", name}}},
            {"spec",
             {{"rules",
               {{{"id", effect + "-web1"},
                 {"effect", effect},
                 {"message", "because " + effect},
                 {"match", {{"domains", {"web1"}}}}}}}}}};
  }
  static json binding(const std::string& name, const std::string& of_domain,
                      const std::string& to_service) {
    return {{"apiVersion", "vservices/v1"},
            {"kind", "Binding"},
            {"metadata", {{"name", name}}},
            {"spec", {{"domain", of_domain}, {"service", to_service}}}};
  }
  void put_all(std::initializer_list<std::pair<std::string, json>> documents) {
    for (const auto& [path, document] : documents) {
      const Response response = ask("PUT", path, document);
      ASSERT_EQ(response.status, 201) << path << ": " << response.body;
    }
  }

  static constexpr uid_t kOwner = 990;
  test::TemporaryDirectory directory_;
  SystemClock clock_;
  Access access_{kOwner, {}, {}, clock_};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Background> background_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace vs::http
