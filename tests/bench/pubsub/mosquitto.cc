// mosquitto: each guest its own connection to the broker, over TCP; quality of service 0. Its library publishes as soon as it is told.
#include <mosquitto.h>

#include <cstring>
#include <deque>
#include <vector>

#include "tests/bench/pubsub/side.h"

namespace vs::bench {
namespace {

constexpr int kLoopMs = 200;

void fine(int status, const char* doing) { check(status == MOSQ_ERR_SUCCESS, std::string(doing) + ": " + mosquitto_strerror(status)); }

class Client {
 public:
  explicit Client(const PubsubOptions& options) : client_(mosquitto_new(nullptr, true, this)) {
    mosquitto_lib_init();
    check(client_ != nullptr, "mosquitto_new");
    fine(mosquitto_connect(client_, options.address.c_str(), options.port, 60), "mosquitto_connect");
  }
  ~Client() { mosquitto_destroy(client_); }
  [[nodiscard]] mosquitto* get() const { return client_; }

 private:
  mosquitto* client_;
};

class MqttPublisher final : public Publisher {
 public:
  explicit MqttPublisher(const PubsubOptions& options) : client_(options) {
    while (!mosquitto_want_write(client_.get()) && waits_ < 5) {  // until the broker has greeted
      fine(mosquitto_loop(client_.get(), 20, 1), "mosquitto_loop");
      ++waits_;
    }
  }
  void publish(std::span<std::byte> payload, std::size_t count, const std::function<void(std::byte*)>& stamp) override {
    for (; count > 0; --count) {
      stamp(payload.data());
      fine(mosquitto_publish(client_.get(), nullptr, "bench", static_cast<int>(payload.size()), payload.data(), 0, false), "mosquitto_publish");
      while (mosquitto_want_write(client_.get())) fine(mosquitto_loop(client_.get(), kLoopMs, 1), "mosquitto_loop");
    }
  }
  void flush() override {
    while (mosquitto_want_write(client_.get())) fine(mosquitto_loop(client_.get(), kLoopMs, 1), "mosquitto_loop");
  }

 private:
  Client client_;
  int waits_ = 0;
};

class MqttSubscriber final : public Subscriber {
 public:
  explicit MqttSubscriber(const PubsubOptions& options) : client_(options) {
    mosquitto_user_data_set(client_.get(), this);
    mosquitto_message_callback_set(client_.get(), [](mosquitto*, void* self, const mosquitto_message* message) {
      const auto* bytes = static_cast<const std::byte*>(message->payload);
      static_cast<MqttSubscriber*>(self)->waiting_.emplace_back(bytes, bytes + message->payloadlen);
    });
    mosquitto_subscribe_callback_set(client_.get(), [](mosquitto*, void* self, int, int, const int*) {
      static_cast<MqttSubscriber*>(self)->subscribed_ = true;
    });
    mosquitto_connect_callback_set(client_.get(), [](mosquitto* client, void*, int) {
      fine(mosquitto_subscribe(client, nullptr, "bench", 0), "mosquitto_subscribe");
    });
    while (!subscribed_) fine(mosquitto_loop(client_.get(), kLoopMs, 1), "mosquitto_loop");
  }
  std::optional<Event> receive() override {
    if (waiting_.empty()) fine(mosquitto_loop(client_.get(), kLoopMs, 1), "mosquitto_loop");
    if (waiting_.empty()) return std::nullopt;
    last_ = std::move(waiting_.front());
    waiting_.pop_front();
    return Event{last_, 0};
  }

 private:
  Client client_;
  bool subscribed_ = false;
  std::deque<std::vector<std::byte>> waiting_;
  std::vector<std::byte> last_;
};

}  // namespace

Peer mqtt(const PubsubOptions& options) {
  return {.publisher = [options] { return std::make_unique<MqttPublisher>(options); },
          .subscriber = [options](std::size_t) { return std::make_unique<MqttSubscriber>(options); }};
}

}  // namespace vs::bench
