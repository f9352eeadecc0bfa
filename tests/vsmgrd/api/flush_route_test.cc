// POST /v1/services/{name}:flush: what reaches the backend, and what does not.
#include <optional>

#include <gtest/gtest.h>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

class FlushRoute : public RestFixture {
 protected:
  void SetUp() override {
    RestFixture::SetUp();
    put_all({{"/v1/services/dns", service("dns")}});
    const auto flush = [this](const FlushOrder& order) {
      ordered_ = order;
      return forgotten_;
    };
    dispatcher_ = std::make_unique<Dispatcher>(
        make_router(*store_, *background_, [] { return std::string(); }, {}, nullptr, flush), access_, clock_, nullptr);
  }

  std::optional<std::uint64_t> forgotten_ = 3;
  std::optional<FlushOrder> ordered_;
};

TEST_F(FlushRoute, TellsTheBackendAndWhatItForgot) {
  const Response all = ask("POST", "/v1/services/dns:flush", json::object());
  EXPECT_EQ(all.status, 200) << all.body;
  EXPECT_EQ(parsed(all), (json{{"entries", 3}}));
  ASSERT_TRUE(ordered_);
  EXPECT_EQ(ordered_->kind, "dns");
  EXPECT_EQ(ordered_->service, "dns");
  EXPECT_TRUE(ordered_->name.empty());
  EXPECT_EQ(ask("POST", "/v1/services/dns:flush", {{"name", "www.example.org"}}).status, 200);
  EXPECT_EQ(ordered_->name, "www.example.org");
}

TEST_F(FlushRoute, RefusesWhatIsNoOrder) {
  for (const json& body : {json{{"name", "../x"}}, json{{"name", "a..b"}}, json{{"name", ""}}, json{{"name", 5}}, json{{"names", "a"}}})
    problem(ask("POST", "/v1/services/dns:flush", body), 400);
  problem(ask("POST", "/v1/services/none:flush", json::object()), 404);
  problem(ask("POST", "/v1/services/dns:flush", {{"domain", "none"}}), 404);
  EXPECT_FALSE(ordered_);
}

TEST_F(FlushRoute, SaysWhenTheBackendSaysNothing) {
  forgotten_.reset();
  problem(ask("POST", "/v1/services/dns:flush", json::object()), 503);
}

}  // namespace
}  // namespace vs::http
