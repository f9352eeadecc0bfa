// A guest that is a client of a broker of its own: nats.c's defaults, and the brokers' addresses.
#include <nats/nats.h>

#include <cstring>

#include "tests/bench/migration/load.h"

namespace vs::bench {
namespace {

constexpr int kReceiveMs = 200;

void fine(natsStatus status, const char* doing) { check(status == NATS_OK, std::string(doing) + ": " + natsStatus_GetText(status)); }

class Nats final : public Bus {
 public:
  explicit Nats(const std::vector<std::string>& urls) {
    std::vector<const char*> servers;
    for (const std::string& url : urls) servers.push_back(url.c_str());
    natsOptions* options = nullptr;
    fine(natsOptions_Create(&options), "natsOptions_Create");
    fine(natsOptions_SetServers(options, servers.data(), static_cast<int>(servers.size())), "natsOptions_SetServers");
    fine(natsOptions_SetNoRandomize(options, true), "natsOptions_SetNoRandomize");
    fine(natsConnection_Connect(&publisher_, options), "natsConnection_Connect");
    fine(natsConnection_Connect(&receiver_, options), "natsConnection_Connect");
    natsOptions_Destroy(options);
    fine(natsConnection_SubscribeSync(&subscription_, receiver_, "order.new"), "natsConnection_SubscribeSync");
    fine(natsSubscription_SetPendingLimits(subscription_, -1, -1), "natsSubscription_SetPendingLimits");
    fine(natsConnection_Flush(receiver_), "natsConnection_Flush");
  }
  ~Nats() override {
    natsSubscription_Destroy(subscription_);
    natsConnection_Destroy(receiver_);
    natsConnection_Destroy(publisher_);
  }

  // What its buffer does not take while it has no server is lost, and counted with the rest.
  void publish(std::uint64_t first, std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t number = first + i;
      static_cast<void>(natsConnection_Publish(publisher_, "order.new", &number, sizeof number));
    }
  }
  bool flush() override { return natsConnection_FlushTimeout(publisher_, 10'000) == NATS_OK; }

  std::optional<Received> receive(std::uint64_t&) override {
    natsMsg* message = nullptr;
    if (natsSubscription_NextMsg(&message, subscription_, kReceiveMs) != NATS_OK) return std::nullopt;  // or it has no server
    Received received{.number = 0, .again = false};
    check(natsMsg_GetDataLength(message) == sizeof received.number, "an event of another size");
    std::memcpy(&received.number, natsMsg_GetData(message), sizeof received.number);
    natsMsg_Destroy(message);
    return received;
  }

 private:
  natsConnection* publisher_ = nullptr;
  natsConnection* receiver_ = nullptr;
  natsSubscription* subscription_ = nullptr;
};

}  // namespace

std::unique_ptr<Bus> bus_of_nats(const std::vector<std::string>& urls) { return std::make_unique<Nats>(urls); }

}  // namespace vs::bench
