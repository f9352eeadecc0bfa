// Any body to any route that takes one, through the whole dispatcher and a store in memory: answered, never by 500, and what
// is answered is JSON. The first byte chooses the route, the second what else the request says.

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "vsmgrd/api/background.h"
#include "vsmgrd/api/dispatcher.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/policy/engine.h"
#include "vsmgrd/store/store.h"

namespace {

using namespace vs::http;  // NOLINT: the whole file is about it

constexpr std::uint64_t kRequestsMax = 2000;  // of one store: what it keeps must not slow down what is tried
constexpr std::uint8_t kDryRun = 1, kAnyVersion = 2, kOnce = 4, kOtherName = 8, kScoped = 16;

class World {
 public:
  World() {
    vs::log::set_level(vs::log::Level::error);
    auto store = vs::Store::open(":memory:", clock_, vs::decide_bindings);
    VS_CHECK(store);
    store_ = std::move(*store);
    background_ = std::make_unique<Background>(*store_);
    Router router = make_router(*store_, *background_, [] { return std::string(); });
    for (const Route& route : router.routes())
      if (route.takes_body) routes_.push_back({route.method, route.path});
    dispatcher_ = std::make_unique<Dispatcher>(std::move(router), access_, clock_, nullptr);
  }

  [[nodiscard]] bool worn() const { return asked_ >= kRequestsMax; }

  void play(std::string_view input) {
    if (input.size() < 2) return;
    ++asked_;
    const auto& [method, path] = routes_[static_cast<std::uint8_t>(input[0]) % routes_.size()];
    const auto flags = static_cast<std::uint8_t>(input[1]);
    std::string target = path;
    for (const std::string_view parameter : {"{name}", "{id}"})
      if (const auto at = target.find(parameter); at != std::string::npos)
        target.replace(at, parameter.size(), flags & kOtherName ? "b" : "a");
    const bool written = !path.starts_with("/v1/tokens") && path.find(':') == std::string::npos &&
                         path != "/v1/explain" && path != "/v1/diff";
    if (flags & kDryRun && written) target += "?dryRun=true";
    Request request{.method = method,
                    .target = std::move(target),
                    .body = std::string(input.substr(2)),
                    .origin = {.peer = vs::http::Peer{flags & kScoped ? 1000u : 0u, 0, 1}}};
    request.headers["content-type"] = method == "PATCH" ? "application/merge-patch+json" : "application/json";
    if (flags & kAnyVersion) request.headers["if-match"] = "*";
    if (flags & kOnce) request.headers["idempotency-key"] = "k" + std::to_string(asked_);
    const Response response = dispatcher_->handle(std::move(request));
    VS_CHECK(!response.later && !response.stream);  // nobody asked to wait, or to watch
    VS_CHECK(response.status >= 200 && response.status < 600 && response.status != 500);
    const auto body = nlohmann::json::parse(response.body, nullptr, false);
    VS_CHECK(body.is_object());
    VS_CHECK(response.status < 400 || (body.contains("code") && body.contains("requestId")));
  }

 private:
  struct Target {
    std::string method;
    std::string path;
  };
  vs::SystemClock clock_;
  Access access_{0, {.roles = {*RoleRule::parse("uid:1000=operator@env=prod")}}, {}, clock_};
  std::unique_ptr<vs::Store> store_;
  std::unique_ptr<Background> background_;
  std::vector<Target> routes_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::uint64_t asked_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  static std::unique_ptr<World> world;
  if (!world || world->worn()) {
    world.reset();
    world = std::make_unique<World>();
  }
  world->play({reinterpret_cast<const char*>(data), bytes});
  return 0;
}
