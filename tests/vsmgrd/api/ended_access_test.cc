// Streams and waits end with the right to have them: revoked, expired, rotated out, or other rules.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

constexpr uid_t kClient = 1234;

// The system's, but for what a test puts it ahead. Thread-safe.
class MovedClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::now() + ahead_.load();
  }
  [[nodiscard]] std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::now() + ahead_.load();
  }
  void advance(std::chrono::seconds by) { ahead_ = ahead_.load() + by; }

 private:
  std::atomic<std::chrono::seconds> ahead_{};
};

class EndedAccess : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::open(directory_.path() / "state.db", clock_, decide_bindings);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    access_ = std::make_unique<Access>(
        990, AccessSettings{.roles = {*RoleRule::parse("uid:1234=operator@env=prod")}},
        [this](std::string_view secret) { return store_->tokens().find(secret); }, clock_,
        [this](const TokenUse& use) { return store_->tokens().counts(use); });
    background_ = std::make_unique<Background>(*store_);
    dispatcher_ = std::make_unique<Dispatcher>(
        make_router(*store_, *background_, [] { return std::string(); }), *access_, clock_, nullptr);
    auto issued = store_->tokens().issue({.name = "ci", .role = "viewer", .lifetime = std::chrono::hours{2}},
                                         the_daemon());
    ASSERT_TRUE(issued);
    token_ = std::move(*issued);
  }

  Response ask(const std::string& target, const std::string& secret) {
    Request request{.method = "GET", .target = target};
    if (secret.empty()) {
      request.origin.peer = Peer{kClient, 0, 1};
    } else {
      request.origin = {.channel = Channel::remote, .address = "192.0.2.1"};
      request.headers["authorization"] = "Bearer " + secret;
    }
    request.headers["accept"] = "text/event-stream";
    return dispatcher_->handle(std::move(request));
  }
  std::shared_ptr<Stream> watch(const std::string& secret) {
    Response response = ask("/v1/events", secret);
    EXPECT_EQ(response.status, 200) << response.body;
    return response.stream;
  }
  // All that comes until the stream ends, or until `word`: a test of one that does not end hangs.
  static std::string rest_of(const std::shared_ptr<Stream>& stream, const std::string& word = "") {
    auto told = std::make_shared<std::pair<std::mutex, std::condition_variable>>();
    stream->on_text([told] {
      const std::lock_guard lock(told->first);
      told->second.notify_all();
    });
    std::string text;
    std::unique_lock lock(told->first);
    for (;;) {
      text += stream->take();
      if (stream->drained() || (!word.empty() && text.find(word) != std::string::npos)) return text;
      told->second.wait_for(lock, std::chrono::milliseconds{50});
    }
  }
  void append(const std::string& name) {
    ASSERT_TRUE(store_->events().append({.type = "test.happened", .kind = "Test", .name = name, .labels = {{"env", "test"}}}));
  }

  test::TemporaryDirectory directory_;
  MovedClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<Background> background_;
  std::unique_ptr<Dispatcher> dispatcher_;
  IssuedToken token_;
};

TEST_F(EndedAccess, ByRevocationEndsTheStreamAndShowsNothingThatCameAfter) {
  const auto stream = watch(token_.secret);
  ASSERT_TRUE(store_->tokens().revoke(token_.token.id, the_daemon()));
  append("after");
  EXPECT_EQ(rest_of(stream).find("\"after\""), std::string::npos);
  EXPECT_EQ(ask("/v1/events", token_.secret).status, 401);
}

TEST_F(EndedAccess, ByExpiryEndsTheStreamThoughNothingHappens) {
  const auto stream = watch(token_.secret);
  clock_.advance(std::chrono::hours{3});
  EXPECT_EQ(rest_of(stream), "");
}

TEST_F(EndedAccess, ByRotationEndsTheStreamWhenTheGraceIsOver) {
  const auto stream = watch(token_.secret);
  const auto fresh = store_->tokens().rotate(token_.token.id, std::chrono::hours{2}, std::chrono::minutes{10},
                                             the_daemon());
  ASSERT_TRUE(fresh);
  const auto other = watch(fresh->secret);
  append("within-the-grace");
  clock_.advance(std::chrono::minutes{11});
  append("later");
  const std::string text = rest_of(stream);
  EXPECT_EQ(text.find("later"), std::string::npos) << text;
  EXPECT_FALSE(other->over()) << "the new secret counts";
  ASSERT_TRUE(store_->tokens().revoke(token_.token.id, the_daemon()));
  EXPECT_NE(rest_of(other).find("later"), std::string::npos);
}

TEST_F(EndedAccess, ByOtherRulesEndsTheStreamOfALocalClient) {
  const auto stream = watch("");
  access_->reload({.roles = {*RoleRule::parse("uid:1234=operator@env=test")}});
  rest_of(stream);
  const auto other = watch("");
  access_->reload({.roles = {*RoleRule::parse("uid:1234=admin@env=test")}});
  append("more-rights");
  EXPECT_NE(rest_of(other, "more-rights").find("more-rights"), std::string::npos) << "it goes on";
}

TEST_F(EndedAccess, AnswersAWaitWith401) {
  const auto operation = store_->operations().begin({.kind = "Test", .actor = the_daemon()});
  ASSERT_TRUE(operation);
  Response waiting = ask("/v1/operations/" + operation->id + "/wait?timeout=25s", token_.secret);
  ASSERT_TRUE(waiting.later) << waiting.body;
  std::promise<Response> promise;
  auto answer = promise.get_future();
  waiting.later([&](Response known) { promise.set_value(std::move(known)); });
  ASSERT_TRUE(store_->tokens().revoke(token_.token.id, the_daemon()));
  EXPECT_EQ(answer.get().status, 401);
}

}  // namespace
}  // namespace vs::http
