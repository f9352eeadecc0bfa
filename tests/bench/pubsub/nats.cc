// NATS: each guest its own connection to the server, over TCP.
#include <nats/nats.h>

#include "tests/bench/pubsub/side.h"

namespace vs::bench {
namespace {

void fine(natsStatus status, const char* doing) { check(status == NATS_OK, std::string(doing) + ": " + natsStatus_GetText(status)); }

class Connection {
 public:
  explicit Connection(const PubsubOptions& options) {
    const std::string url = "nats://" + options.address + ":" + std::to_string(options.port);
    fine(natsConnection_ConnectTo(&connection_, url.c_str()), "natsConnection_ConnectTo");
  }
  ~Connection() { natsConnection_Destroy(connection_); }
  [[nodiscard]] natsConnection* get() const { return connection_; }

 private:
  natsConnection* connection_ = nullptr;
};

class NatsPublisher final : public Publisher {
 public:
  explicit NatsPublisher(const PubsubOptions& options) : connection_(options) {}
  void publish(std::span<std::byte> payload, std::size_t count, const std::function<void(std::byte*)>& stamp) override {
    for (; count > 0; --count) {
      stamp(payload.data());
      fine(natsConnection_Publish(connection_.get(), "bench", payload.data(), static_cast<int>(payload.size())), "natsConnection_Publish");
    }
  }
  void flush() override { fine(natsConnection_FlushTimeout(connection_.get(), 10'000), "natsConnection_Flush"); }

 private:
  Connection connection_;
};

class NatsSubscriber final : public Subscriber {
 public:
  explicit NatsSubscriber(const PubsubOptions& options) : connection_(options) {
    fine(natsConnection_SubscribeSync(&subscription_, connection_.get(), "bench"), "natsConnection_SubscribeSync");
    fine(natsSubscription_SetPendingLimits(subscription_, -1, -1), "natsSubscription_SetPendingLimits");
    fine(natsConnection_Flush(connection_.get()), "natsConnection_Flush");
  }
  ~NatsSubscriber() override {
    natsMsg_Destroy(message_);
    natsSubscription_Destroy(subscription_);
  }
  std::optional<Event> receive() override {
    natsMsg_Destroy(message_);
    message_ = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&message_, subscription_, 200);
    if (status == NATS_TIMEOUT) return std::nullopt;
    fine(status, "natsSubscription_NextMsg");
    return Event{{reinterpret_cast<const std::byte*>(natsMsg_GetData(message_)), static_cast<std::size_t>(natsMsg_GetDataLength(message_))}, 0};
  }

 private:
  Connection connection_;
  natsSubscription* subscription_ = nullptr;
  natsMsg* message_ = nullptr;
};

}  // namespace

Peer nats(const PubsubOptions& options) {
  return {.publisher = [options] { return std::make_unique<NatsPublisher>(options); },
          .subscriber = [options](std::size_t) { return std::make_unique<NatsSubscriber>(options); }};
}

}  // namespace vs::bench
