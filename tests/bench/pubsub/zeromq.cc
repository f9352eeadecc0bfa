// ZeroMQ: PUB and SUB over ipc://, without a limit of what waits (its default drops the newest beyond 1,000).
#include <zmq.h>

#include <cerrno>
#include <vector>

#include "tests/bench/pubsub/side.h"

namespace vs::bench {
namespace {

std::string address_of(const PubsubOptions& options) { return "ipc://" + options.scratch + "/zeromq"; }
void fine(bool is, const char* doing) { check(is, std::string(doing) + ": " + zmq_strerror(zmq_errno())); }

class ZmqPublisher final : public Publisher {
 public:
  explicit ZmqPublisher(const PubsubOptions& options) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_XPUB)) {
    const int none = 0, all = 1;
    fine(zmq_setsockopt(socket_, ZMQ_SNDHWM, &none, sizeof none) == 0, "zmq_setsockopt");
    fine(zmq_setsockopt(socket_, ZMQ_XPUB_VERBOSE, &all, sizeof all) == 0, "zmq_setsockopt");
    fine(zmq_bind(socket_, address_of(options).c_str()) == 0, "zmq_bind");
    char subscription[8];
    for (std::size_t left = options.guests; left > 0; --left)  // each subscription that arrives
      fine(zmq_recv(socket_, subscription, sizeof subscription, 0) >= 0, "zmq_recv");
  }
  void publish(std::span<std::byte> payload, std::size_t count, const std::function<void(std::byte*)>& stamp) override {
    for (; count > 0; --count) {
      stamp(payload.data());
      fine(zmq_send(socket_, payload.data(), payload.size(), 0) >= 0, "zmq_send");
    }
  }
  void flush() override {}

 private:
  void* context_;
  void* socket_;
};

class ZmqSubscriber final : public Subscriber {
 public:
  explicit ZmqSubscriber(const PubsubOptions& options)
      : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_SUB)), into_(options.payload_bytes) {
    const int none = 0, wait_ms = 200;
    fine(zmq_setsockopt(socket_, ZMQ_RCVHWM, &none, sizeof none) == 0, "zmq_setsockopt");
    fine(zmq_setsockopt(socket_, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms) == 0, "zmq_setsockopt");
    fine(zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, "", 0) == 0, "zmq_setsockopt");
    fine(zmq_connect(socket_, address_of(options).c_str()) == 0, "zmq_connect");
  }
  std::optional<Event> receive() override {
    const int bytes = zmq_recv(socket_, into_.data(), into_.size(), 0);
    if (bytes < 0 && zmq_errno() == EAGAIN) return std::nullopt;
    fine(bytes == static_cast<int>(into_.size()), "zmq_recv");
    return Event{into_, 0};
  }

 private:
  void* context_;
  void* socket_;
  std::vector<std::byte> into_;
};

}  // namespace

Peer zeromq(const PubsubOptions& options) {
  return {.publisher = [options] { return std::make_unique<ZmqPublisher>(options); },
          .subscriber = [options](std::size_t) { return std::make_unique<ZmqSubscriber>(options); }};
}

}  // namespace vs::bench
